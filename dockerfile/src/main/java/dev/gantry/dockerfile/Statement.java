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

  /// Its words mean nothing.
  ParseFailure failure(String message) {
    return new ParseFailure(first, last, true, message);
  }

  /// It does not fall into words as it should.
  ParseFailure malformed(String message) {
    return new ParseFailure(first, last, false, message);
  }
}
