package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import dev.gantry.kernel.Terminals;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;

/// `login`, `logout`, and who we are in calls that reach a registry.
final class Logins {
  private static final int INTERRUPT = 3;
  private static final int END = 4;
  private static final int BACKSPACE = 8;
  private static final int DELETE = 127;

  private Logins() {}

  static Command login() {
    return Command.of(
        "[OPTIONS] [SERVER]",
        0,
        1,
        Logins::login,
        Flag.text("password", 'p', "The password, for all to see in the list of processes"),
        Flag.bool("password-stdin", ' ', "Read the password from standard input"),
        Flag.text("username", 'u', "The name of the account"));
  }

  static Command logout() {
    return Command.of("[SERVER]", 0, 1, Logins::logout);
  }

  /// The value of `X-Registry-Auth` for a registry such as `docker.io` or `localhost:5000`.
  static String header(Session session, String registry) {
    Json.JsonObject account =
        new Credentials(session.config())
            .find(registry)
            .map(login -> account(login, Credentials.key(registry)))
            .orElseGet(Json::object);
    return Base64.getUrlEncoder().encodeToString(account.text().getBytes(StandardCharsets.UTF_8));
  }

  /// The value of `X-Registry-Config`: all logins that the configuration file names.
  static String all(Session session) {
    Credentials credentials = new Credentials(session.config());
    Json.JsonObject all = Json.object();
    for (String part : new String[] {"auths", "credHelpers"}) {
      for (String registry : session.config().object(part).members().keySet()) {
        String key = Credentials.key(registry);
        credentials.find(registry).ifPresent(login -> all.put(key, account(login, key)));
      }
    }
    return Base64.getUrlEncoder().encodeToString(all.text().getBytes(StandardCharsets.UTF_8));
  }

  private static Json.JsonObject account(Credentials.Login login, String server) {
    Json.JsonObject account = Json.object();
    if (login.isToken()) {
      account.put("identitytoken", login.secret());
    } else {
      account.put("username", login.user()).put("password", login.secret());
    }
    return account.put("serveraddress", server);
  }

  private static int login(Session session, Words words) throws IOException {
    String server = Credentials.key(words.arguments().isEmpty() ? "" : words.argument(0));
    boolean piped = words.on("password-stdin");
    if (words.has("password")) {
      session
          .err()
          .println("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
      if (piped) {
        throw new Exit(1, "--password and --password-stdin are mutually exclusive");
      }
    }
    if (piped && words.text("username", "").isEmpty()) {
      throw new Exit(1, "Must provide --username with --password-stdin");
    }
    String password = piped ? piped(session) : words.text("password", "");
    String user = words.text("username", "");
    if (user.isEmpty() || password.isEmpty()) {
      if (!Streams.inputIsTerminal()) {
        throw new Exit(1, "Error: Cannot perform an interactive login from a non TTY device");
      }
      user = user.isEmpty() ? typed(session, "Username: ") : user;
      password = password.isEmpty() ? hidden(session, "Password: ") : password;
    }
    Json.JsonObject answer =
        Session.object(
            session
                .engine()
                .post(
                    Query.of("/auth"),
                    account(new Credentials.Login(user, password, false), server)));
    String token = answer.string("IdentityToken", "");
    boolean readable =
        new Credentials(session.config())
            .store(
                server,
                new Credentials.Login(user, token.isEmpty() ? password : token, !token.isEmpty()));
    if (readable) {
      session
          .err()
          .println(
              "\nWARNING! Your credentials are stored unencrypted in '"
                  + session.config().folder().resolve("config.json")
                  + "'.\nConfigure a credential helper to remove this warning.\n");
    }
    session.out().println(answer.string("Status", "Login Succeeded"));
    return 0;
  }

  private static int logout(Session session, Words words) {
    String server = Credentials.key(words.arguments().isEmpty() ? "" : words.argument(0));
    session.out().println("Removing login credentials for " + server);
    session.out().flush();
    new Credentials(session.config()).erase(server);
    return 0;
  }

  private static String piped(Session session) throws IOException {
    return new String(session.in().readAllBytes(), StandardCharsets.UTF_8)
        .replaceFirst("[\\r\\n]+$", "");
  }

  private static String typed(Session session, String prompt) throws IOException {
    session.out().print(prompt);
    session.out().flush();
    String line =
        new BufferedReader(new InputStreamReader(session.in(), StandardCharsets.UTF_8)).readLine();
    return Optional.ofNullable(line).orElse("").strip();
  }

  /// What is typed until the return key, without showing it.
  private static String hidden(Session session, String prompt) throws IOException {
    session.out().print(prompt);
    session.out().flush();
    int input = Surroundings.ours().descriptor(Surroundings.STDIN);
    Surroundings.ours().awaitTerminal();
    Terminals.Settings before = Terminals.makeRaw(input);
    try {
      StringBuilder text = new StringBuilder();
      InputStreamReader in = new InputStreamReader(session.in(), StandardCharsets.UTF_8);
      for (int c = in.read(); c >= 0 && c != '\r' && c != '\n' && c != END; c = in.read()) {
        switch (c) {
          case INTERRUPT -> throw new Exit(1, "");
          case BACKSPACE, DELETE -> text.setLength(Math.max(0, text.length() - 1));
          default -> text.append((char) c);
        }
      }
      return text.toString();
    } finally {
      Terminals.restore(input, before);
      session.out().println();
      session.out().flush();
    }
  }
}
