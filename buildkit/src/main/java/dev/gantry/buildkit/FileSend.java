package dev.gantry.buildkit;

import dev.gantry.build.FilesTar;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
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

  /// @param parts in the order of their prefixes
  /// @param sent hears the size of each message
  FileSend(Call call, List<FilesTar.Part> parts, LongConsumer sent) {
    this.call = call;
    this.parts = parts.stream().sorted(Comparator.comparing(FilesTar.Part::prefix)).toList();
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
      for (FilesTar.Part part : parts) {
        if (!part.prefix().isEmpty()) {
          entry(part.prefix(), part.tree().status("/").orElseThrow(), "");
        }
        links.clear();
        list(part, "", 0);
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

  private void list(FilesTar.Part part, String folder, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new IOException(folder + " is nested too deeply");
    }
    Tree tree = part.tree();
    String prefix = part.prefix().isEmpty() ? "" : part.prefix() + "/";
    TreeSet<String> names = new TreeSet<>(tree.list(folder.isEmpty() ? "/" : folder));
    names.addAll(folder.isEmpty() ? part.more().keySet() : Set.of());
    for (String name : names) {
      String path = folder + "/" + name;
      if (folder.isEmpty() && part.more().containsKey(name)) {
        byte[] bytes = part.more().getOrDefault(name, new byte[0]);
        files.put(count, new Place(tree, path, bytes));
        entry(prefix + name, new Tree.Status(0100600, 0, 0, bytes.length, 0, 0, 0, 0, 1, 0), "");
        continue;
      }
      Tree.Status status = tree.status(path).orElse(null);
      if (status == null || (status.mode() & 0170000) == 0140000) {
        continue; // sockets are nothing to keep
      }
      String target = status.isLink() ? tree.readLink(path) : "";
      if (status.isRegular() && status.links() > 1) {
        String first =
            links.putIfAbsent(
                status.fileSystem() + ":" + status.inode(), prefix + path.substring(1));
        target = first == null ? "" : first;
      }
      if (status.isRegular() && target.isEmpty()) {
        files.put(count, new Place(tree, path, null));
      }
      entry(prefix + path.substring(1), status, target);
      if (status.isDirectory()) {
        list(part, path, depth + 1);
      }
    }
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
