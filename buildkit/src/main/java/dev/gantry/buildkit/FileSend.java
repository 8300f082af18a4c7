package dev.gantry.buildkit;

import dev.gantry.build.FilesTar;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Sends a tree to a client (`FileSend.DiffCopy`): we list everything, the client asks for the
/// content of what it lacks.
final class FileSend {
  private static final int STAT = 0;
  private static final int REQUEST = 1;
  private static final int DATA = 2;
  private static final int FIN = 3;
  private static final int ERROR = 4;
  private static final int PIECE = 32 << 10;
  private static final int MAX_DEPTH = 512;

  private final Call call;
  private final List<FilesTar.Part> parts;
  private final LongConsumer sent;
  private final Map<Integer, Place> files = new HashMap<>();
  private final Map<String, String> links = new HashMap<>();
  private int count;

  /// A file that the client may ask for: one of a tree, or bytes.
  private record Place(Tree tree, String path, byte @Nullable [] bytes) {}

  /// @param sent hears the size of each message
  FileSend(Call call, List<FilesTar.Part> parts, LongConsumer sent) {
    this.call = call;
    this.parts = List.copyOf(parts);
    this.sent = sent;
  }

  void run() throws GrpcException, IOException {
    BlockingQueue<Message> asked = new LinkedBlockingQueue<>();
    AtomicReference<@Nullable IOException> trouble = new AtomicReference<>();
    Thread listener =
        Thread.ofVirtual()
            .name("filesend")
            .start(
                () -> {
                  try {
                    for (byte[] m = call.receive(); m != null; m = call.receive()) {
                      asked.add(Message.decode(m));
                    }
                  } catch (GrpcException e) {
                    trouble.set(new IOException(e.text(), e));
                  } catch (IOException e) {
                    trouble.set(e);
                  }
                  asked.add(new Message().number(1, FIN));
                });
    try {
      Map<String, List<FilesTar.Part>> folders =
          parts.stream()
              .collect(
                  Collectors.groupingBy(FilesTar.Part::prefix, TreeMap::new, Collectors.toList()));
      for (List<FilesTar.Part> together : folders.values()) {
        FilesTar.Part first = together.getFirst();
        if (!first.prefix().isEmpty()) {
          entry(first.prefix(), first.tree().status("/").orElseThrow(), "");
        }
        links.clear();
        list(together, "", 0);
      }
      send(new Message().number(1, STAT));
      Message next = asked.take();
      while (next.number(1) == REQUEST) {
        content((int) next.number(3));
        next = asked.take();
      }
      if (next.number(1) == ERROR) {
        throw new IOException(next.text(4));
      }
      IOException e = trouble.get();
      if (e != null) {
        throw e;
      }
      send(new Message().number(1, FIN));
      call.half();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    try {
      listener.join(java.time.Duration.ofSeconds(30));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void send(Message packet) throws IOException {
    byte[] bytes = packet.encode();
    sent.accept(bytes.length);
    call.send(bytes);
  }

  /// A file of the listing, in its part or made for it.
  private record Found(FilesTar.Part part, byte @Nullable [] bytes) {}

  /// @param parts that lie in the same folder of the client
  private void list(List<FilesTar.Part> parts, String folder, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new IOException(folder + " is nested too deeply");
    }
    Map<String, List<Found>> names = new TreeMap<>();
    for (FilesTar.Part part : parts) {
      for (String name : part.tree().list(folder.isEmpty() ? "/" : folder)) {
        names.computeIfAbsent(name, n -> new ArrayList<>()).add(new Found(part, null));
      }
      if (folder.isEmpty()) {
        part.more()
            .forEach(
                (name, bytes) ->
                    names
                        .computeIfAbsent(name, n -> new ArrayList<>())
                        .add(new Found(part, bytes)));
      }
    }
    for (Map.Entry<String, List<Found>> one : names.entrySet()) {
      String path = folder + "/" + one.getKey();
      List<Found> found = one.getValue();
      file(found.getFirst(), path);
      List<FilesTar.Part> deeper = new ArrayList<>();
      for (Found f : found) {
        if (f.bytes() == null && isFolder(f.part().tree(), path)) {
          deeper.add(f.part());
        }
      }
      if (found.size() > 1 && deeper.size() < found.size()) {
        throw new IOException("cannot overwrite " + path + ": two platforms have it");
      }
      if (!deeper.isEmpty()) {
        list(deeper, path, depth + 1);
      }
    }
  }

  private static boolean isFolder(Tree tree, String path) throws IOException {
    return tree.status(path).map(Tree.Status::isDirectory).orElse(false);
  }

  private void file(Found found, String path) throws IOException {
    FilesTar.Part part = found.part();
    Tree tree = part.tree();
    String prefix = part.prefix().isEmpty() ? "" : part.prefix() + "/";
    byte[] bytes = found.bytes();
    if (bytes != null) {
      files.put(count, new Place(tree, path, bytes));
      Tree.Status made = new Tree.Status(0100600, 0, 0, bytes.length, 0, 0, 0, 0, 1, 0);
      entry(prefix + path.substring(1), made, "");
      return;
    }
    Tree.Status status = tree.status(path).orElse(null);
    if (status == null || (status.mode() & 0170000) == 0140000) {
      return; // sockets are nothing to keep
    }
    String target = status.isLink() ? tree.readLink(path) : "";
    if (status.isRegular() && status.links() > 1) {
      String first =
          links.putIfAbsent(status.fileSystem() + ":" + status.inode(), prefix + path.substring(1));
      target = first == null ? "" : first;
    }
    if (status.isRegular() && target.isEmpty()) {
      files.put(count, new Place(tree, path, null));
    }
    entry(prefix + path.substring(1), status, target);
  }

  private void entry(String path, Tree.Status status, String target) throws IOException {
    count++;
    send(new Message().number(1, STAT).message(2, Entry.stat(path, status, target)));
  }

  private void content(int id) throws IOException {
    Place place = files.get(id);
    if (place == null) {
      throw new IOException("the client asks for a file that is none: " + id);
    }
    byte[] made = place.bytes();
    if (made != null) {
      for (int at = 0; at < made.length; at += PIECE) {
        byte[] piece = Arrays.copyOfRange(made, at, Math.min(at + PIECE, made.length));
        send(new Message().number(1, DATA).number(3, id).bytes(4, piece));
      }
      send(new Message().number(1, DATA).number(3, id));
      return;
    }
    int flags = Fd.O_RDONLY | Fd.O_NONBLOCK | Fd.O_NOFOLLOW;
    try (Fd file = place.tree().openFile(place.path(), flags)) {
      byte[] piece = new byte[PIECE];
      for (int n = file.read(piece, 0, PIECE); n > 0; n = file.read(piece, 0, PIECE)) {
        send(new Message().number(1, DATA).number(3, id).bytes(4, Arrays.copyOf(piece, n)));
      }
    }
    send(new Message().number(1, DATA).number(3, id));
  }
}
