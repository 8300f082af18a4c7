package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.Map;

/// What files are, apart from their times: names, kinds, permissions, owners, content.
final class Fingerprint {
  private final MessageDigest hasher = Digest.hasher();
  private final byte[] buffer = new byte[128 * 1024];
  private final Tree tree;
  private final boolean owners;
  private final Map<String, String> names = new HashMap<>();
  private final Runnable check;
  private long newest;

  /// @param check runs now and then, and throws if nobody wants the result any more
  Fingerprint(Tree tree, boolean owners, Runnable check) {
    this.tree = tree;
    this.owners = owners;
    this.check = check;
  }

  /// @param newest the time of the newest file, in seconds since the epoch; 0 if there was none.
  ///   Folders do not count: their times tell of files that are not copied, too
  record Result(Digest digest, long newest) {}

  /// Of what stands at `path` and all below.
  static Result of(Tree tree, String path, Source source, Runnable check) throws IOException {
    Fingerprint print = new Fingerprint(tree, source.keepsOwners(), check);
    new Walk(tree, IgnoreFile.NONE, "/").from(path, print::add);
    return print.result();
  }

  void add(String path, String below, Tree.Status s) throws IOException {
    check.run();
    if (!s.isDirectory()) {
      newest = Math.max(newest, s.seconds());
    }
    text(below);
    text(Integer.toOctalString(s.mode()) + (owners ? " " + s.uid() + ":" + s.gid() : ""));
    if (s.isLink()) {
      text(tree.readLink(path));
    } else if (s.isRegular() && s.links() > 1 && isNamed(below, s)) {
      return;
    } else if (s.isRegular()) {
      text(Long.toString(s.size()));
      bytes(path);
    } else if (!s.isDirectory()) {
      text(Long.toString(s.device()));
    }
  }

  /// Whether the file has come before by another name.
  private boolean isNamed(String below, Tree.Status s) {
    String first = names.putIfAbsent(s.fileSystem() + " " + s.inode(), below);
    if (first != null) {
      text("link to " + first);
    }
    return first != null;
  }

  /// Of a regular file's bytes alone.
  static Digest content(Tree tree, String path) throws IOException {
    try (InputStream in = Walk.content(tree, path)) {
      return Digest.of(in);
    }
  }

  private void bytes(String path) throws IOException {
    try (InputStream in = Walk.content(tree, path)) {
      for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
        hasher.update(buffer, 0, n);
        check.run();
      }
    }
  }

  void text(String text) {
    hasher.update(text.getBytes(StandardCharsets.UTF_8));
    hasher.update((byte) 0);
  }

  Result result() {
    return new Result(Digest.of(hasher), newest);
  }
}
