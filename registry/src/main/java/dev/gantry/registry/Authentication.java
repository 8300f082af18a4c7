package dev.gantry.registry;

import dev.gantry.http.Request;
import dev.gantry.http.Response;
import java.io.IOException;

/// How clients prove who they are.
interface Authentication {
  /// Nobody needs to.
  Authentication NONE =
      new Authentication() {
        @Override
        public Identity identify(Request request) {
          return Identity.ANONYMOUS;
        }

        @Override
        public String challenge(Request request, String scope) {
          return "";
        }
      };

  /// Who sent this; credentials that are wrong are UNAUTHORIZED.
  Identity identify(Request request);

  /// The WWW-Authenticate header of a 401 for `scope` (as `repository:NAME:pull,push`), or empty
  /// text where asking for credentials makes no sense.
  String challenge(Request request, String scope);

  /// Answers the paths that belong to it; false for all others.
  default boolean answers(Request request, Response response) throws IOException {
    return false;
  }
}
