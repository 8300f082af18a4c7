package dev.gantry.dockerfile;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// One file of a build's context as a client lists it, so that only what has changed since its last
/// build travels.
///
/// A list is its entries, each after a byte 1, and a byte 0. In the body of a build a byte 2 stands
/// before an entry whose file follows in the archive.
///
/// @param path relative, with slashes
/// @param mode type and permissions as in stat(2)
/// @param size in bytes; 0 for folders and links
/// @param modified in ns since the epoch
/// @param changed of its inode, in ns since the epoch; 0 for folders
/// @param inode 0 for folders
/// @param target of a symbolic link; else empty
public record ContextEntry(
    String path, int mode, long size, long modified, long changed, long inode, String target) {
  private static final int END = 0;
  private static final int KEPT = 1;
  private static final int SENT = 2;

  private static final int MOST = 2_000_000;
  private static final int MOST_PATH = 4096;
  private static final int MOST_TEXT = 64 << 20;

  /// An entry in a list.
  ///
  /// @param sent the file follows
  public record Listed(ContextEntry entry, boolean sent) {}

  /// Whether it is the same file with the same content, by all that stat(2) tells of it. A folder's
  /// time tells of files that are listed themselves.
  public boolean isSame(ContextEntry other) {
    return isFolder() ? mode == other.mode && path.equals(other.path) : equals(other);
  }

  public boolean isFolder() {
    return (mode & 0170000) == 0040000;
  }

  public boolean isLink() {
    return (mode & 0170000) == 0120000;
  }

  /// Writes a list.
  public static void write(DataOutput out, Iterable<Listed> all) throws IOException {
    for (Listed listed : all) {
      out.writeByte(listed.sent() ? SENT : KEPT);
      ContextEntry e = listed.entry();
      out.writeUTF(e.path);
      out.writeInt(e.mode);
      out.writeLong(e.size);
      out.writeLong(e.modified);
      out.writeLong(e.changed);
      out.writeLong(e.inode);
      out.writeUTF(e.target);
    }
    out.writeByte(END);
  }

  /// Reads a list; one that no folder can have is refused.
  public static List<Listed> read(DataInput in) throws IOException {
    List<Listed> all = new ArrayList<>();
    int text = 0;
    for (int kind = in.readByte(); kind != END; kind = in.readByte()) {
      if (kind != KEPT && kind != SENT) {
        throw new IOException("this is no list of files");
      }
      if (all.size() >= MOST) {
        throw new IOException("more than " + MOST + " files");
      }
      ContextEntry e =
          new ContextEntry(
              in.readUTF(),
              in.readInt(),
              in.readLong(),
              in.readLong(),
              in.readLong(),
              in.readLong(),
              in.readUTF());
      e.check();
      text += e.path.length() + e.target.length();
      if (text > MOST_TEXT) {
        throw new IOException("the names of the files are longer than 64 MiB together");
      }
      all.add(new Listed(e, kind == SENT));
    }
    return all;
  }

  private void check() throws IOException {
    int type = mode & 0170000;
    if (!isPlain(path)
        || target.length() > MOST_PATH
        || type != 0100000 && type != 0040000 && type != 0120000) {
      throw new IOException("the list names a file that cannot be: " + path);
    }
  }

  /// Whether a client may name a file so: relative, without `.` and `..`, no part empty.
  public static boolean isPlain(String path) {
    boolean plain = path.length() <= MOST_PATH && path.indexOf('\0') < 0;
    for (int from = 0, to; plain && from <= path.length(); from = to + 1) {
      int slash = path.indexOf('/', from);
      to = slash < 0 ? path.length() : slash;
      boolean dots = to - from <= 2 && path.startsWith(".", from) && path.charAt(to - 1) == '.';
      plain = to > from && !dots;
    }
    return plain;
  }
}
