package dev.gantry.dockerfile;

import java.util.List;

/// One instruction as it is written: continuation lines joined, comments gone, nothing understood.
///
/// @param keyword as written
/// @param flags words before the arguments that begin with `--`, quotes removed
/// @param rest what follows, trimmed
/// @param first line, from 1
/// @param last line, that of a heredoc's end included
/// @param emptyContinuation an empty line stands in the middle
record Statement(
    String keyword,
    List<String> flags,
    String rest,
    List<Heredoc> heredocs,
    int first,
    int last,
    boolean emptyContinuation) {

  String name() {
    return keyword.toUpperCase(java.util.Locale.ROOT);
  }

  ParseFailure failure(String message) {
    return new ParseFailure(first, message);
  }
}
