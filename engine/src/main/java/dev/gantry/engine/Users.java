package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.RuntimeSpec;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/// Finds the numbers of users and groups in an image's own /etc/passwd and /etc/group. The files
/// are the image's and hostile: read bounded, through descriptors that cannot leave the root.
final class Users {
  private static final int MAX_FILE = 4 << 20;
  private static final long MAX_ID = 0xffffffffL;

  /// A user with the home folder that belongs to it.
  record Found(RuntimeSpec.User user, String home) {}

  private final List<Path> roots;
  private final @Nullable Tree whole;

  /// @param roots the layers from top to bottom, or a single whole root
  Users(List<Path> roots) {
    this.roots = List.copyOf(roots);
    this.whole = null;
  }

  private Users(Tree whole) {
    this.roots = List.of();
    this.whole = whole;
  }

  /// Looks in an open tree, which stays open.
  static Users in(Tree whole) {
    return new Users(whole);
  }

  /// Resolves `text` (`user`, `uid`, `user:group`, …; empty is root) with the groups that the image
  /// puts the user in, or `more` groups on top.
  Found find(String text, List<String> more) {
    List<String[]> passwd = lines("etc/passwd");
    List<String[]> groups = lines("etc/group");
    int colon = text.indexOf(':');
    String userPart = colon < 0 ? text : text.substring(0, colon);
    String groupPart = colon < 0 ? "" : text.substring(colon + 1);
    OptionalLong number = userPart.isEmpty() ? OptionalLong.of(0) : number(userPart);
    Optional<String[]> entry =
        passwd.stream()
            .filter(f -> f.length >= 4)
            .filter(
                f -> f[0].equals(userPart) || (number.isPresent() && number(f[2]).equals(number)))
            .findFirst();
    if (entry.isEmpty() && number.isEmpty()) {
      throw new Failure.InvalidRequest(
          "unable to find user " + userPart + ": no matching entries in passwd file");
    }
    long uid = entry.map(f -> number(f[2]).orElse(0)).orElseGet(() -> number.orElse(0));
    long gid = entry.map(f -> number(f[3]).orElse(0)).orElse(0L);
    String home = entry.filter(f -> f.length > 5 && !f[5].isEmpty()).map(f -> f[5]).orElse("/");
    List<Long> additional = new ArrayList<>();
    if (!groupPart.isEmpty()) {
      gid = group(groupPart, groups);
    } else if (entry.isPresent()) {
      String name = entry.get()[0];
      for (String[] g : groups) {
        if (g.length > 3 && List.of(g[3].split(",")).contains(name)) {
          number(g[2]).ifPresent(additional::add);
        }
      }
    }
    for (String group : more) {
      long found = group(group, groups);
      if (!additional.contains(found)) {
        additional.add(found);
      }
    }
    additional.remove(Long.valueOf(gid));
    additional.addFirst(
        gid); // a set-group-id program must not be able to leave it (CVE-2022-36109)
    return new Found(new RuntimeSpec.User(uid, gid, null, List.copyOf(additional)), home);
  }

  private static long group(String text, List<String[]> groups) {
    for (String[] g : groups) {
      if (g.length > 2 && g[0].equals(text)) {
        return number(g[2]).orElse(0);
      }
    }
    return number(text)
        .orElseThrow(
            () ->
                new Failure.InvalidRequest(
                    "unable to find group " + text + ": no matching entries in group file"));
  }

  private static OptionalLong number(String text) {
    if (!text.matches("[0-9]{1,10}")) {
      return OptionalLong.empty();
    }
    long value = Long.parseLong(text);
    return value < MAX_ID ? OptionalLong.of(value) : OptionalLong.empty();
  }

  private List<String[]> lines(String file) {
    Tree open = whole;
    if (open != null) {
      try {
        return lines(open, file).orElse(List.of());
      } catch (Errno e) {
        return List.of(); // no such folder
      }
    }
    for (Path root : roots) {
      try (Tree tree = Tree.open(root.toString())) {
        Optional<List<String[]>> found = lines(tree, file);
        if (found.isPresent()) {
          return found.get();
        }
      } catch (Errno e) {
        continue; // this layer has no such folder
      }
    }
    return List.of();
  }

  private static Optional<List<String[]>> lines(Tree tree, String file) throws Errno {
    Optional<Tree.Status> status = tree.status("/" + file);
    if (status.isEmpty()) {
      return Optional.empty();
    }
    if (status.get().size() > MAX_FILE || (!status.get().isRegular() && !status.get().isLink())) {
      return Optional.of(List.of());
    }
    try (Fd fd = tree.openFile("/" + file, Fd.O_RDONLY | Fd.O_NONBLOCK)) {
      return Optional.of(parse(fd));
    }
  }

  private static List<String[]> parse(Fd fd) throws Errno {
    java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
    byte[] buffer = new byte[8192];
    for (int n = fd.read(buffer, 0, buffer.length);
        n > 0 && all.size() < MAX_FILE;
        n = fd.read(buffer, 0, buffer.length)) {
      all.write(buffer, 0, n);
    }
    List<String[]> lines = new ArrayList<>();
    for (String line : all.toString(StandardCharsets.UTF_8).split("\n")) {
      lines.add(line.split(":", -1));
    }
    return lines;
  }
}
