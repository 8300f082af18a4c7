package dev.gantry.images;

import java.util.List;
import java.util.Map;

/// What a tar archive says about one file.
///
/// @param name as written, without cleaning
/// @param link target of a symbolic or hard link; empty for others
/// @param size bytes of the file, holes included; 0 for all but files
/// @param mode permissions with set-id and sticky bits
/// @param seconds,nanos time of the last change, since the epoch
/// @param attributes extended attributes, raw
/// @param segments where the stored bytes belong in a sparse file; empty if it has no holes
public record TarEntry(
    String name,
    Kind kind,
    String link,
    long size,
    int mode,
    long uid,
    long gid,
    long seconds,
    int nanos,
    long major,
    long minor,
    Map<String, byte[]> attributes,
    List<Segment> segments) {
  public enum Kind {
    FILE,
    HARD_LINK,
    SYMLINK,
    CHARACTER,
    BLOCK,
    FOLDER,
    FIFO
  }

  /// Stored bytes of a sparse file.
  public record Segment(long offset, long length) {}

  public boolean isFile() {
    return kind == Kind.FILE;
  }

  public boolean isSparse() {
    return !segments.isEmpty();
  }
}
