package dev.gantry.build;

import dev.gantry.dockerfile.Expansion;
import dev.gantry.dockerfile.Heredoc;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.ParseFailure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A COPY or ADD with its variables replaced: all that the instructions say of it.
///
/// @param documents heredocs that are sources
/// @param wanted the destination as it is called
/// @param path the destination from the root on; links may be in it
/// @param owner a user with or without a group; empty for none said
/// @param excluded what is left out of folders
record CopyPlan(
    Instruction.Copy instruction,
    List<String> sources,
    List<Heredoc> documents,
    String wanted,
    String path,
    String owner,
    String modeText,
    Optional<FileMode> mode,
    IgnoreFile excluded) {
  static CopyPlan of(Instruction.Copy instruction, StageState state) throws ParseFailure {
    Expansion expansion = state.expansion();
    String wanted = expansion.word(instruction.destination());
    List<String> sources = new ArrayList<>();
    for (String source : instruction.sources()) {
      sources.add(expansion.word(source));
    }
    List<Heredoc> documents = new ArrayList<>();
    for (Heredoc d : instruction.documents()) {
      documents.add(
          d.expand()
              ? new Heredoc(d.name(), false, true, d.descriptor(), expansion.text(d.text()))
              : d);
    }
    String mode = expansion.word(instruction.flags().mode());
    return new CopyPlan(
        instruction,
        List.copyOf(sources),
        List.copyOf(documents),
        wanted,
        state.config().resolve(wanted),
        expansion.word(instruction.flags().owner()),
        mode,
        mode.isEmpty() ? Optional.empty() : Optional.of(FileMode.parse(mode)),
        IgnoreFile.of(instruction.flags().excludes()));
  }

  /// A folder alone: what WORKDIR makes.
  static CopyPlan folder(Instruction.Workdir w, String path, String owner) {
    Instruction.CopyFlags none =
        new Instruction.CopyFlags(
            "", "", "", "", List.of(), false, false, Optional.empty(), Optional.empty());
    return new CopyPlan(
        new Instruction.Copy(w.origin(), false, List.of(), List.of(), path, none),
        List.of(),
        List.of(),
        path + "/",
        path,
        owner,
        "",
        Optional.empty(),
        IgnoreFile.NONE);
  }

  boolean parents() {
    return instruction.flags().parents();
  }

  /// Whether the destination is said to be a folder.
  boolean isFolder() {
    return wanted.endsWith("/") || wanted.equals(".") || wanted.endsWith("/.");
  }

  /// What the history says of it.
  String text() {
    List<String> all = new ArrayList<>(sources);
    documents.forEach(d -> all.add("<<" + d.name()));
    return (instruction.add() ? "ADD" : "COPY")
        + (owner.isEmpty() ? "" : " --chown=" + owner)
        + (modeText.isEmpty() ? "" : " --chmod=" + modeText)
        + " "
        + String.join(" ", all)
        + " "
        + wanted
        + " # buildkit";
  }
}
