package dev.gantry.registry;

import dev.gantry.json.Json;

/// What a client asked for and did not get, as it is told: a code, a status, a sentence and
/// details.
final class RegistryError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;
  private final int status;
  private final transient Json detail;

  RegistryError(ErrorCode code, String message) {
    this(code, code.status(), message, Json.NULL);
  }

  RegistryError(ErrorCode code, int status, String message, Json detail) {
    super(message, null, false, false);
    this.code = code;
    this.status = status;
    this.detail = detail;
  }

  ErrorCode code() {
    return code;
  }

  int status() {
    return status;
  }

  /// `{"errors":[{"code":…,"message":…,"detail":…}]}`
  Json body() {
    Json.JsonObject error =
        Json.object().put("code", code.name()).put("message", String.valueOf(getMessage()));
    if (detail != Json.NULL) {
      error.put("detail", detail);
    }
    return Json.object().put("errors", Json.array().add(error));
  }
}
