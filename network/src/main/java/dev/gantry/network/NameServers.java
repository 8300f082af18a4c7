package dev.gantry.network;

import java.util.List;
import java.util.function.Supplier;

final class NameServers implements AutoCloseable {
  record View(Supplier<List<Attachment>> containers, List<String> servers) {}

  void serve(Attachment attachment, int pid, View view) {}

  void stop(String containerId) {}

  @Override
  public void close() {}
}
