package dev.gantry.grpc;

import java.util.List;

/// A call that failed, with gRPC's status code.
public final class GrpcException extends Exception {
  private static final long serialVersionUID = 1L;

  public static final int CANCELLED = 1;
  public static final int UNKNOWN = 2;
  public static final int INVALID_ARGUMENT = 3;
  public static final int DEADLINE_EXCEEDED = 4;
  public static final int NOT_FOUND = 5;
  public static final int ALREADY_EXISTS = 6;
  public static final int RESOURCE_EXHAUSTED = 8;
  public static final int UNIMPLEMENTED = 12;
  public static final int INTERNAL = 13;
  public static final int UNAVAILABLE = 14;

  private final int code;
  private final transient List<Message> details;

  public GrpcException(int code, String message) {
    this(code, message, List.of());
  }

  /// @param details `google.protobuf.Any`s
  public GrpcException(int code, String message, List<Message> details) {
    super(message);
    this.code = code;
    this.details = List.copyOf(details);
  }

  public int code() {
    return code;
  }

  public String text() {
    String message = getMessage();
    return message == null ? "" : message;
  }

  public List<Message> details() {
    return details;
  }

  /// As `google.rpc.Status`.
  public Message status() {
    return new Message().number(1, code).text(2, text()).messages(3, details);
  }

  /// From a `google.rpc.Status`.
  public static GrpcException of(Message status) throws GrpcException {
    return new GrpcException((int) status.number(1), status.text(2), status.messages(3));
  }
}
