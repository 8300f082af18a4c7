package dev.gantry.cli;

import dev.gantry.client.Address;
import dev.gantry.kernel.ProcessSignals;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// The surroundings of a command that has this process to itself.
final class OwnProcess implements Surroundings {
  static final OwnProcess ONE = new OwnProcess();

  private OwnProcess() {}

  @Override
  public Map<String, String> environment() {
    return System.getenv();
  }

  @Override
  public Path absolute(Path path) {
    return path.toAbsolutePath();
  }

  @Override
  public int descriptor(int stream) {
    return stream;
  }

  @Override
  public InputStream in() {
    return System.in;
  }

  @Override
  public OutputStream out(int stream) {
    return new FileOutputStream(stream == STDOUT ? FileDescriptor.out : FileDescriptor.err);
  }

  @Override
  public void on(String signal, Runnable action) {
    ProcessSignals.on(signal, action);
  }

  /// The kernel sees to it.
  @Override
  public void awaitTerminal() {}

  /// They end with the process.
  @Override
  public Address.Watch connections() {
    return Address.Watch.NONE;
  }

  @Override
  public ProcessBuilder program(List<String> words) {
    return new ProcessBuilder(words);
  }

  @Override
  public Process start(ProcessBuilder program) throws IOException {
    return program.redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }
}
