package dev.gantry.cli;

import dev.gantry.client.Address;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What a command has of the process that it was called in: environment, folder, the three
/// descriptors, signals. A resident program runs commands of many processes at the same time, so
/// nothing here asks the JVM for these; `tools/hygiene` sees to it.
interface Surroundings {
  int STDIN = 0;
  int STDOUT = 1;
  int STDERR = 2;

  /// Those of the command that the calling thread belongs to: threads hand them on to the threads
  /// that they start.
  static Surroundings ours() {
    return Inherited.CURRENT.get();
  }

  /// From now on those of the calling thread and of all that it starts.
  static void enter(Surroundings surroundings) {
    Inherited.CURRENT.set(surroundings);
  }

  /// A variable of ours; empty if it is not set or set to nothing.
  static String variable(String name) {
    return Optional.ofNullable(ours().environment().get(name)).orElse("");
  }

  /// The real path of a file ([Path#toRealPath], which the JVM starts at its own folder).
  static Path real(Path path) throws IOException {
    return ours().absolute(path).toRealPath();
  }

  /// Makes a folder and those above it ([Files#createDirectories], likewise).
  static Path folders(Path path, FileAttribute<?>... attributes) throws IOException {
    return Files.createDirectories(ours().absolute(path), attributes);
  }

  Map<String, String> environment();

  /// Where a relative path leads to. (Opening one needs no help: the folder is the thread's own.)
  Path absolute(Path path);

  /// The number of the descriptor that the process knew as 0, 1 or 2.
  int descriptor(int stream);

  InputStream in();

  /// Standard output or standard error, unbuffered.
  OutputStream out(int stream);

  /// Runs `action` on a thread of its own whenever the process gets this signal.
  ///
  /// @param signal without SIG, such as `HUP`
  void on(String signal, Runnable action);

  /// A program with the environment and in the folder of the process.
  ProcessBuilder program(List<String> words);

  /// Starts it; its standard error is that of the process.
  Process start(ProcessBuilder program) throws IOException;

  /// Waits until we may read the terminal or change its settings, as a shell's job control has it.
  void awaitTerminal() throws IOException;

  /// Hears of all connections to the engine.
  Address.Watch connections();

  /// The one of each thread.
  final class Inherited {
    private static final InheritableThreadLocal<Surroundings> CURRENT =
        new InheritableThreadLocal<>() {
          @Override
          protected Surroundings initialValue() {
            return OwnProcess.ONE;
          }
        };

    private Inherited() {}
  }
}
