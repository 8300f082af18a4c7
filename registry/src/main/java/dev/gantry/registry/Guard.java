package dev.gantry.registry;

import dev.gantry.json.Json;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/// Lets a call pass or not.
final class Guard {
  private final Authentication authentication;
  private final Supplier<Policy> policy;
  private final boolean readOnly;
  private final boolean deletes;

  /// @param readOnly true where nobody may change anything
  /// @param deletes false where nobody may delete anything
  Guard(Authentication authentication, Supplier<Policy> policy, boolean readOnly, boolean deletes) {
    this.authentication = authentication;
    this.policy = policy;
    this.readOnly = readOnly;
    this.deletes = deletes;
  }

  Set<Right> rights(Identity identity, RepositoryName name) {
    if (identity.granted().isPresent()) {
      Map<String, Set<Right>> granted = identity.granted().get();
      return granted.getOrDefault(name.value(), Set.of());
    }
    return policy.get().rights(identity.user(), name);
  }

  boolean may(Identity identity, RepositoryName name, Right right) {
    return rights(identity, name).contains(right);
  }

  /// For lists of names: with a token, the policy of its user counts.
  boolean maySee(Identity identity, RepositoryName name) {
    return policy.get().rights(identity.user(), name).contains(Right.PULL);
  }

  void require(Call call, RepositoryName name, Right right) {
    if (right != Right.PULL && (readOnly || policy.get().isReadOnly(name))) {
      throw new RegistryError(
          ErrorCode.UNSUPPORTED,
          (readOnly ? "the registry" : "repository " + name) + " is read-only");
    }
    if (right == Right.DELETE && !deletes) {
      throw new RegistryError(ErrorCode.UNSUPPORTED, "deleting is disabled");
    }
    if (may(call.identity(), name, right)) {
      return;
    }
    // a push reads what is there, too: clients ask for both at once
    Set<Right> wanted =
        right == Right.PUSH ? EnumSet.of(Right.PULL, Right.PUSH) : EnumSet.of(right);
    String scope =
        "repository:" + name + ":" + String.join(",", wanted.stream().map(Right::word).toList());
    refuse(call, scope, right.word() + " on repository " + name);
  }

  /// Refuses who is not known at all.
  void requireKnown(Call call) {
    if (call.identity().isAnonymous() && !challenge(call, "").isEmpty()) {
      refuse(call, "", "this registry");
    }
  }

  /// Refuses who may not list repositories.
  void requireCatalog(Call call) {
    boolean token = call.identity().granted().isPresent();
    boolean known =
        token
            ? call.identity().granted().get().containsKey(TokenAuthentication.CATALOG)
            : !call.identity().isAnonymous();
    if (!known && !challenge(call, "").isEmpty()) {
      refuse(call, "registry:catalog:*", "the list of repositories");
    }
  }

  private String challenge(Call call, String scope) {
    return authentication.challenge(call.request(), scope);
  }

  private void refuse(Call call, String scope, String what) {
    String challenge = challenge(call, scope);
    Json detail = scope.isEmpty() ? Json.NULL : Json.of(scope);
    boolean token = call.identity().granted().isPresent();
    if (challenge.isEmpty() || !(call.identity().isAnonymous() || token)) {
      throw new RegistryError(ErrorCode.DENIED, 403, "requested access is denied: " + what, detail);
    }
    call.response()
        .header("WWW-Authenticate", challenge + (token ? ",error=\"insufficient_scope\"" : ""));
    throw new RegistryError(
        ErrorCode.UNAUTHORIZED, 401, "authentication required for " + what, detail);
  }
}
