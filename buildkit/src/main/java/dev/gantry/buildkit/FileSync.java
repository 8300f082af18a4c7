package dev.gantry.buildkit;

import dev.gantry.dockerfile.ContextEntry;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.LongConsumer;

/// Brings a folder of a client here (`FileSync.DiffCopy`): the client lists everything, we ask for
/// the content of what we do not have yet, and remove what it does not list.
///
/// The client is not trusted with paths: each must be relative, without `..`, sorted, and below a
/// folder listed before; what is written is reached without following a link out of the folder.
final class FileSync {
  private static final int STAT = 0;
  private static final int REQUEST = 1;
  private static final int DATA = 2;
  private static final int FIN = 3;
  private static final int ERROR = 4;

  private static final int MOST_ENTRIES = 2_000_000;
  private static final int MOST_OPEN = 64;

  /// What of a folder is wanted.
  ///
  /// @param name `dockerfile`, `context` or a named context's
  /// @param excluded patterns as in `.dockerignore`
  /// @param followed paths that are needed, links followed; empty for everything
  record Wanted(String name, List<String> excluded, List<String> followed) {
    /// The same text for the same wish.
    String kind() {
      return String.join("\0", name, String.join("\n", excluded), String.join("\n", followed));
    }

    Map<String, List<String>> metadata() {
      Map<String, List<String>> all = new LinkedHashMap<>();
      put(all, "dir-name", List.of(name));
      put(all, "exclude-patterns", excluded);
      put(all, "followpaths", followed);
      return all;
    }

    private static void put(Map<String, List<String>> all, String key, List<String> values) {
      if (values.isEmpty()) {
        return;
      }
      boolean plain = values.stream().allMatch(v -> v.chars().allMatch(c -> c >= ' ' && c < 127));
      if (plain) {
        all.put(key, values);
        return;
      }
      all.put(
          key,
          values.stream()
              .map(v -> URLEncoder.encode(v, StandardCharsets.UTF_8).replace("+", "%20"))
              .toList());
      all.put(key + "-encoded", List.of("1"));
    }
  }

  private record Pending(String path, Entry entry) {}

  private final Session session;
  private final Wanted wanted;
  private final Tree tree;
  private final PastList past;
  private final LongConsumer received;
  private final Map<String, Entry> listed = new LinkedHashMap<>();
  private final Map<Integer, Pending> pending = new HashMap<>();
  private final BlockingQueue<Message> requests = new LinkedBlockingQueue<>();
  private String last = "";
  private int count;
  private boolean changed;
  private final Map<Integer, Fd> files = new HashMap<>();

  /// @param tree the folder here, with what an earlier transfer has left in it
  /// @param past what was listed then
  /// @param received hears the size of each message
  FileSync(Session session, Wanted wanted, Tree tree, PastList past, LongConsumer received) {
    this.session = session;
    this.wanted = wanted;
    this.tree = tree;
    this.past = past;
    this.received = received;
  }

  /// Makes a folder as the client's is.
  ///
  /// @param notes where the list of its files stays for the next transfer
  /// @return whether anything in it is another than before, times of folders apart
  static boolean into(
      Path folder,
      Path notes,
      Session session,
      Wanted wanted,
      LongConsumer received,
      Set<Call> open)
      throws GrpcException, IOException {
    try (Tree tree = Tree.open(folder.toString());
        PastList past = PastList.open(notes)) {
      FileSync sync = new FileSync(session, wanted, tree, past, received);
      sync.run(open);
      return sync.changed;
    }
  }

  /// Returns when the folder here is as the client's.
  ///
  /// @param open has the call as long as it goes on
  void run(Set<Call> open) throws GrpcException, IOException {
    try (Call call = session.call("/moby.filesync.v1.FileSync/DiffCopy", wanted.metadata())) {
      open.add(call);
      Thread asking = Thread.ofVirtual().name("filesync").start(() -> ask(call));
      try {
        boolean listing = true;
        while (listing || !pending.isEmpty()) {
          Message packet = next(call);
          switch ((int) packet.number(1)) {
            case STAT -> {
              Optional<Message> stat = packet.message(2);
              listing = stat.isPresent();
              if (listing) {
                entry(Entry.of(stat.get()), packet.bytes(2));
              }
            }
            case DATA -> data((int) packet.number(3), packet.bytes(4));
            case FIN -> throw new IOException("the client ended the transfer too early");
            default -> throw new IOException("message of type " + packet.number(1));
          }
        }
        if (!past.isSame()) {
          tidy();
          past.write();
        }
        requests.add(new Message().number(1, FIN));
        while (next(call).number(1) != FIN) {}
        call.half();
        byte[] ignored = call.receive();
      } finally {
        open.remove(call);
        closeFiles();
        asking.interrupt();
        join(asking);
      }
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// Requests go out on a thread of their own: the client may wait for us to read its data before
  /// it reads them.
  private void ask(Call call) {
    try {
      while (true) {
        Message message = requests.take();
        call.send(message);
        if (message.number(1) == FIN) {
          return;
        }
      }
    } catch (InterruptedException e) {
      return; // the transfer is over
    } catch (IOException e) {
      call.close();
    }
  }

  private Message next(Call call) throws GrpcException, IOException {
    byte[] bytes = call.receive();
    if (bytes == null) {
      throw new IOException("the client ended the transfer too early");
    }
    received.accept(bytes.length);
    Message packet = Message.decode(bytes);
    if (packet.number(1) == ERROR) {
      throw new IOException(packet.text(4));
    }
    return packet;
  }

  // ---- the list

  private void entry(Entry entry, byte[] listing) throws IOException {
    int id = count++;
    if (count > MOST_ENTRIES) {
      throw new IOException("more than " + MOST_ENTRIES + " files");
    }
    String path = entry.path();
    check(path);
    last = path;
    listed.put(path, entry);
    if (past.has(path, listing)) {
      return;
    }
    String at = "/" + path;
    Optional<Tree.Status> here = tree.status(at);
    if (here.isPresent() && entry.isSame(here.get(), tree, at)) {
      return;
    }
    changed |=
        !entry.isFolder()
            || here.isEmpty()
            || (here.get().mode() & 0177777) != (entry.unixMode() & 0177777);
    if (here.isPresent() && !(entry.isFolder() && here.get().isDirectory())) {
      tree.remove(at);
    }
    if (entry.isFolder()) {
      if (here.isEmpty() || !here.get().isDirectory()) {
        tree.makeFolder(at, 0700);
      }
    } else if (entry.isLink()) {
      tree.makeLink(at, entry.target());
      tree.setTime(at, entry.seconds(), entry.nanos());
    } else if (entry.isSpecial()) {
      tree.makeNode(at, entry.unixMode(), entry.device());
      finish(at, entry);
    } else if (entry.target().isEmpty()) {
      pending.put(id, new Pending(at, entry));
      requests.add(new Message().number(1, REQUEST).number(3, id));
    }
  }

  private void check(String path) throws IOException {
    boolean wrong = !ContextEntry.isPlain(path) || !last.isEmpty() && compare(last, path) >= 0;
    int slash = path.lastIndexOf('/');
    if (!wrong && slash > 0) {
      Entry parent = listed.get(path.substring(0, slash));
      wrong = parent == null || !parent.isFolder();
    }
    if (wrong) {
      throw new IOException("the client lists a path that cannot be: " + path);
    }
  }

  /// Depth first, sorted by name in each folder, as bytes: `/` comes before every other character.
  static int compare(String a, String b) {
    int most = Math.min(a.length(), b.length());
    int at = 0;
    while (at < most && a.charAt(at) == b.charAt(at)) {
      at++;
    }
    return at == most
        ? Integer.compare(a.length(), b.length())
        : Integer.compare(rank(a.charAt(at)), rank(b.charAt(at)));
  }

  /// In UTF-8, halves of surrogate pairs come behind all other characters.
  private static int rank(char c) {
    return c == '/' ? 0 : Character.isSurrogate(c) ? c + 0x10000 : c;
  }

  // ---- content

  /// Pieces of several files come mixed: clients read a few side by side.
  private void data(int id, byte[] bytes) throws IOException {
    Pending wants = pending.get(id);
    if (wants == null) {
      throw new IOException("the client sends a file that nobody asked for");
    }
    Fd file = files.get(id);
    if (file == null) {
      if (files.size() >= MOST_OPEN) {
        throw new IOException("the client sends more than " + MOST_OPEN + " files at once");
      }
      file = tree.createFile(wants.path(), 0600);
      files.put(id, file);
    }
    for (int at = 0; at < bytes.length; ) {
      at += file.write(bytes, at, bytes.length - at);
    }
    if (bytes.length == 0) {
      file.close();
      files.remove(id);
      pending.remove(id);
      finish(wants.path(), wants.entry());
    }
  }

  private void closeFiles() {
    files.values().forEach(Fd::close);
    files.clear();
  }

  private void finish(String at, Entry entry) throws Errno {
    if (!entry.isLink()) {
      tree.setMode(at, entry.unixMode() & 07777);
    }
    for (Map.Entry<String, byte[]> attribute : entry.attributes().entrySet()) {
      if (attribute.getKey().startsWith("user.")) {
        tree.setAttribute(at, attribute.getKey(), attribute.getValue());
      }
    }
    tree.setTime(at, entry.seconds(), entry.nanos());
  }

  // ---- when all is there

  private void tidy() throws IOException {
    removeUnlisted("");
    for (Map.Entry<String, Entry> e : listed.entrySet()) {
      Entry entry = e.getValue();
      if (entry.isHardLink()) {
        Entry existing = listed.get(entry.target());
        if (existing == null || !existing.isRegular() || existing.isHardLink()) {
          throw new IOException(e.getKey() + " is a link to what is not there");
        }
        tree.remove("/" + e.getKey());
        tree.makeHardLink("/" + e.getKey(), "/" + entry.target());
      }
    }
    List<String> folders =
        new ArrayList<>(
            listed.entrySet().stream()
                .filter(e -> e.getValue().isFolder())
                .map(Map.Entry::getKey)
                .toList());
    for (String folder : folders.reversed()) {
      finish("/" + folder, listed.getOrDefault(folder, Entry.ROOT));
    }
  }

  private void removeUnlisted(String folder) throws Errno {
    for (String name : tree.list(folder.isEmpty() ? "/" : "/" + folder)) {
      String path = folder.isEmpty() ? name : folder + "/" + name;
      Entry entry = listed.get(path);
      if (entry == null) {
        changed = true;
        tree.remove("/" + path);
      } else if (entry.isFolder()) {
        removeUnlisted(path);
      }
    }
  }
}
