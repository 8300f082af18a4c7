package dev.gantry.dockerfile;

/// A document inside an instruction: `<<NAME`, its lines, and `NAME` on a line of its own.
///
/// @param stripTabs `<<-NAME`: leading tabs are not part of it
/// @param expand the name was not quoted: variables count
/// @param descriptor the file descriptor of `3<<NAME`; 0 if none is said
/// @param content the lines as written, each with its line end
public record Heredoc(
    String name, boolean stripTabs, boolean expand, int descriptor, String content) {
  /// What the document says: `content` without the tabs that are not part of it.
  public String text() {
    return stripTabs ? content.replaceAll("(?m)^\t+", "") : content;
  }
}
