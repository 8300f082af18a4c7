package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildContext;
import dev.gantry.build.ContextNotes;
import dev.gantry.build.KeptContexts;
import dev.gantry.dockerfile.ContextEntry;
import dev.gantry.engine.LayerFiles;
import dev.gantry.json.Json;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Large contexts of `gantry build`: the client lists all files, and only those that have changed
/// since its last build travel.
///
/// 1. `POST /build/context?name=NAME` with the list ([ContextEntry]) is answered with `{"Missing":
///    "0-7,12"}`: the entries whose files are not here.
/// 2. `POST /build` with the header `X-Gantry-Context: NAME` has the list in its body, then the
///    number of the files that the builder reads itself (the Dockerfile and its like: name, length,
///    bytes), then an archive of the files that are missing. If another build has changed the kept
///    folder in between, the answer is 409 and nothing is lost: the client sends all files then.
///
/// The list of what a folder holds lies beside it ([ContextNotes]).
final class ListedContext implements AutoCloseable {
  private static final int MOST_OWN = 8;
  private static final int MOST_OWN_SIZE = 1 << 20;

  private final KeptContexts.Held held;

  private ListedContext(KeptContexts.Held held) {
    this.held = held;
  }

  BuildContext source() {
    return BuildContext.of(held);
  }

  @Override
  public void close() {
    held.close();
  }

  private static String name(String given) {
    if (!given.matches("[0-9a-f]{64}")) {
      throw new Failure.InvalidRequest("the context's name must be 64 hexadecimal digits");
    }
    return "gantry " + given;
  }

  // ---- which files are missing

  static void missing(KeptContexts contexts, HttpRequest q, HttpResponse r) throws IOException {
    List<ContextEntry> before = noted(contexts.notes(name(q.text("name"))));
    try (DataInputStream in = new DataInputStream(new BufferedInputStream(q.body(), 64 * 1024))) {
      List<ContextEntry.Listed> all = read(in);
      String missing = isUnchanged(all, before) ? "" : missing(all, byPath(before));
      r.json(200, Json.object().put("Missing", missing));
    }
  }

  private static String missing(List<ContextEntry.Listed> all, Map<String, ContextEntry> here) {
    StringBuilder missing = new StringBuilder();
    for (int from = 0; from < all.size(); from++) {
      int to = from;
      while (to < all.size() && !isHere(all.get(to).entry(), here)) {
        to++;
      }
      if (to > from) {
        missing.append(missing.isEmpty() ? "" : ",").append(from).append('-').append(to - 1);
        from = to;
      }
    }
    return missing.toString();
  }

  /// Tells without a map, as most builds of a large context need no more.
  private static boolean isUnchanged(List<ContextEntry.Listed> all, List<ContextEntry> before) {
    boolean same = !all.isEmpty() && all.size() == before.size();
    for (int i = 0; same && i < all.size(); i++) {
      same = !all.get(i).sent() && all.get(i).entry().equals(before.get(i));
    }
    return same;
  }

  private static boolean isHere(ContextEntry wanted, Map<String, ContextEntry> here) {
    ContextEntry old = here.get(wanted.path());
    return old != null && wanted.isSame(old);
  }

  private static List<ContextEntry.Listed> read(DataInputStream in) {
    try {
      return ContextEntry.read(in);
    } catch (IOException e) {
      throw new Failure.InvalidRequest("the list of the context: " + e.getMessage(), null, e);
    }
  }

  // ---- the context itself

  /// Reads a build's body.
  ///
  /// @param own where the files go that the builder reads itself
  static ListedContext receive(KeptContexts contexts, String given, InputStream body, Path own)
      throws IOException {
    DataInputStream in = new DataInputStream(new BufferedInputStream(body, 64 * 1024));
    List<ContextEntry.Listed> all = read(in);
    own(in, own);
    try {
      return new ListedContext(
          contexts.<Failure>fetch(
              "gantry " + given + " " + digest(all),
              name(given),
              true,
              (folder, notes) -> fill(folder, notes, all, in)));
    } finally {
      in.transferTo(OutputStream.nullOutputStream()); // what nobody needed
    }
  }

  private static Digest digest(List<ContextEntry.Listed> all) throws IOException {
    return Digest.of(list(all.stream().map(ContextEntry.Listed::entry).toList()));
  }

  private static byte[] list(List<ContextEntry> all) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      ContextEntry.write(out, all.stream().map(e -> new ContextEntry.Listed(e, false)).toList());
    }
    return bytes.toByteArray();
  }

  private static void own(DataInputStream in, Path folder) throws IOException {
    int count = in.readInt();
    if (count < 0 || count > MOST_OWN) {
      throw new Failure.InvalidRequest("more than " + MOST_OWN + " files for the builder itself");
    }
    try (Tree tree = Tree.open(folder.toString())) {
      for (int i = 0; i < count; i++) {
        String name = in.readUTF();
        int length = in.readInt();
        if (length < 0 || length > MOST_OWN_SIZE) {
          throw new Failure.TooLarge(name + " is larger than 1 MiB");
        }
        byte[] content = in.readNBytes(length);
        parents(tree, name);
        try (var file = tree.createFile("/" + name, 0600)) {
          for (int at = 0; at < content.length; ) {
            at += file.write(content, at, content.length - at);
          }
        }
      }
    }
  }

  private static void parents(Tree tree, String name) throws IOException {
    for (int slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
      String folder = "/" + name.substring(0, slash);
      if (slash > 0 && tree.status(folder).isEmpty()) {
        tree.makeFolder(folder, 0700);
      }
    }
  }

  /// Makes the folder as the list says; true if anything in it had to be changed.
  private static boolean fill(
      Path folder, Path notes, List<ContextEntry.Listed> all, InputStream archive)
      throws IOException {
    List<ContextEntry> before = noted(notes);
    if (isUnchanged(all, before)) {
      return false;
    }
    Map<String, ContextEntry> here = byPath(before);
    boolean changed = false;
    for (ContextEntry.Listed listed : all) {
      boolean same = isHere(listed.entry(), here);
      if (!listed.sent() && !same) {
        throw new Failure.Conflict("another build has changed the context meanwhile");
      }
      changed |= !same || listed.sent();
    }
    Set<String> wanted = withFolders(all.stream().map(l -> l.entry().path()).toList());
    Set<String> left = new TreeSet<>(withFolders(here.keySet()));
    left.removeAll(wanted);
    left.addAll(folders(all, here));
    changed |= !left.isEmpty() || !Files.exists(notes);
    Files.deleteIfExists(notes); // whatever happens now, nobody believes them
    if (changed) {
      change(folder, left, all, here.isEmpty(), archive);
    }
    try (Tree tree = Tree.open(folder.toString())) {
      for (ContextEntry.Listed listed : all) {
        ContextEntry e = listed.entry();
        if (e.isFolder() && (changed || !e.equals(here.get(e.path())))) {
          tree.setTime(
              "/" + e.path(),
              Math.floorDiv(e.modified(), 1_000_000_000L),
              (int) Math.floorMod(e.modified(), 1_000_000_000L));
        }
      }
    }
    note(notes, all);
    return changed;
  }

  private static void change(
      Path folder,
      Set<String> left,
      List<ContextEntry.Listed> all,
      boolean unknown,
      InputStream archive)
      throws IOException {
    try (Tree tree = Tree.open(folder.toString())) {
      if (unknown) {
        left.addAll(tree.list("/"));
      }
      for (String path : left) {
        if (tree.status("/" + path).isPresent()) {
          tree.remove("/" + path);
        }
      }
    }
    LayerFiles.unpack(new Unclosed(archive), folder);
    try (Tree tree = Tree.open(folder.toString())) {
      for (ContextEntry.Listed listed : all) {
        if (listed.sent() && !arrived(tree, listed.entry())) {
          throw new Failure.InvalidRequest(
              "the archive lacks " + listed.entry().path() + ", or it has changed on the way");
        }
      }
    }
  }

  /// What was a file and is a folder now.
  private static Set<String> folders(
      List<ContextEntry.Listed> all, Map<String, ContextEntry> here) {
    Set<String> found = new HashSet<>();
    for (ContextEntry.Listed listed : all) {
      String path = listed.entry().path();
      for (int slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
        ContextEntry old = here.get(path.substring(0, slash));
        if (old != null && !old.isFolder()) {
          found.add(old.path());
        }
      }
    }
    return found;
  }

  /// The archive is not the end of the body.
  private static final class Unclosed extends FilterInputStream {
    Unclosed(InputStream in) {
      super(in);
    }

    @Override
    public void close() {}
  }

  private static boolean arrived(Tree tree, ContextEntry entry) throws IOException {
    Optional<Tree.Status> status = tree.status("/" + entry.path());
    return status.isPresent()
        && (status.get().mode() & 0170000) == (entry.mode() & 0170000)
        && (!status.get().isRegular() || status.get().size() == entry.size());
  }

  private static Set<String> withFolders(Iterable<String> paths) {
    Set<String> all = new HashSet<>();
    for (String path : paths) {
      for (String p = path; all.add(p) && p.indexOf('/') > 0; ) {
        p = p.substring(0, p.lastIndexOf('/'));
      }
    }
    return all;
  }

  // ---- what is here

  private static List<ContextEntry> noted(Path notes) {
    Optional<DataInputStream> opened = ContextNotes.open(notes);
    if (opened.isEmpty()) {
      return List.of();
    }
    try (DataInputStream in = opened.get()) {
      return ContextEntry.read(in).stream().map(ContextEntry.Listed::entry).toList();
    } catch (IOException e) {
      return List.of(); // they were cut off
    }
  }

  private static Map<String, ContextEntry> byPath(List<ContextEntry> entries) {
    Map<String, ContextEntry> all = HashMap.newHashMap(entries.size());
    entries.forEach(e -> all.put(e.path(), e));
    return all;
  }

  private static void note(Path notes, List<ContextEntry.Listed> all) throws IOException {
    ContextNotes.write(
        notes,
        out ->
            ContextEntry.write(
                out, all.stream().map(l -> new ContextEntry.Listed(l.entry(), false)).toList()));
  }
}
