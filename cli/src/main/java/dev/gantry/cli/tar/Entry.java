package dev.gantry.cli.tar;

/// What stands before a member's bytes.
///
/// @param type `0` file, `1` hard link, `2` symbolic link, `5` folder, as POSIX numbers them
/// @param mode the permission bits
/// @param seconds when it was last changed, since 1970
/// @param link what a link leads to
public record Entry(
    String name, char type, int mode, long user, long group, long size, long seconds, String link) {
  public boolean isFile() {
    return type == '0';
  }

  public boolean isFolder() {
    return type == '5';
  }

  public Entry named(String other) {
    return new Entry(other, type, mode, user, group, size, seconds, link);
  }
}
