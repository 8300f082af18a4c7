package dev.gantry.dockerfile;

import java.util.List;

/// Where an instruction stands.
///
/// @param first its first line, from 1
/// @param last its last line, that of a heredoc's end included
/// @param text the instruction on one line, as written
/// @param heredocs the documents in it
public record Origin(int first, int last, String text, List<Heredoc> heredocs) {
  /// A failure of this instruction.
  public ParseFailure failure(String message) {
    return new ParseFailure(first, last, false, message);
  }
}
