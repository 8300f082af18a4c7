package dev.gantry.build;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;

/// What the client of a build gives while it is carried out: secrets, and its ssh agents. Each is
/// asked for when an instruction needs it. Called from several threads at once.
///
/// A client that gives nothing is [#NONE]; `gantry build` and BuildKit's clients answer over their
/// session.
public interface BuildClient {
  /// A client without secrets and agents.
  BuildClient NONE =
      new BuildClient() {
        @Override
        public Optional<byte[]> secret(String id) {
          return Optional.empty();
        }

        @Override
        public Optional<Agent> agent(String id) {
          return Optional.empty();
        }
      };

  /// The secret called `id`; empty if the client has none of that name.
  ///
  /// @throws IOException if the client cannot be reached
  Optional<byte[]> secret(String id) throws IOException;

  /// The ssh agent called `id` (`default` where the instruction names none); empty if the client
  /// has none.
  Optional<Agent> agent(String id) throws IOException;

  /// What stands for a source of another place, which the client may deny or replace: itself, where
  /// the client has no policy.
  ///
  /// @param name a URL: `https://…`, `git://…`
  /// @throws dev.gantry.base.Failure.Forbidden if the client does not want it
  default String source(String name) {
    return name;
  }

  /// An ssh agent. Each program that opens its socket talks to the agent by itself.
  @FunctionalInterface
  interface Agent {
    /// Opens a new connection to the agent.
    Conversation connect() throws IOException;
  }

  /// A stream of bytes each way. Closing it ends both.
  interface Conversation extends AutoCloseable {
    InputStream in() throws IOException;

    OutputStream out() throws IOException;

    @Override
    void close() throws IOException;
  }
}
