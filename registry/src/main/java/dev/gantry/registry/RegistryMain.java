package dev.gantry.registry;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/// The program `gantry registry`.
public final class RegistryMain {
  private static final String USAGE =
      """
      Usage: gantry registry COMMAND

      A registry of container images of your own.

      Commands:
        serve       Serve the registry in the foreground
        password    Make a line for --htpasswd: reads the password from standard input

      Run 'gantry registry serve --help' for its options.
      """;

  private RegistryMain() {}

  /// Ends with 0 after SIGTERM or SIGINT, with 1 and one line on standard error for what went
  /// wrong.
  public static void main(String[] arguments) {
    List<String> words = List.of(arguments);
    String command = words.isEmpty() ? "--help" : words.getFirst();
    try {
      switch (command) {
        case "serve" -> serve(words.subList(1, words.size()));
        case "password" -> password(words.subList(1, words.size()));
        case "--help", "-h", "help" -> System.out.print(USAGE);
        default -> {
          System.err.println("gantry registry: unknown command: " + command + "\n\n" + USAGE);
          System.exit(1);
        }
      }
    } catch (Failure e) {
      System.err.println("gantry registry: " + e.text() + e.hint().map(h -> ": " + h).orElse(""));
      System.exit(1);
    } catch (IOException e) {
      System.err.println("gantry registry: " + e.getMessage());
      System.exit(1);
    }
  }

  private static void serve(List<String> arguments) throws IOException {
    RegistryOptions options = RegistryOptions.parse(arguments);
    if (options.flag("help")) {
      System.out.print(RegistryOptions.help());
      return;
    }
    ServeRegistry registry = ServeRegistry.start(options);
    registry.addresses().forEach(a -> System.err.println("gantry registry: listens on " + a));
    CountDownLatch ended = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  registry.close();
                  ended.countDown();
                },
                "shutdown"));
    try {
      ended.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void password(List<String> arguments) throws IOException {
    if (arguments.size() != 1 || arguments.getFirst().contains(":")) {
      throw new Failure.InvalidRequest("gantry registry password USER <file-with-the-password");
    }
    String text = new String(System.in.readNBytes(1024), java.nio.charset.StandardCharsets.UTF_8);
    String password = text.lines().findFirst().orElse("");
    if (password.isEmpty()) {
      throw new Failure.InvalidRequest("no password came on standard input");
    }
    System.out.println(arguments.getFirst() + ":" + Bcrypt.hashed(password));
  }
}
