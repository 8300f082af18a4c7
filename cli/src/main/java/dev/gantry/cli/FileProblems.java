package dev.gantry.cli;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Optional;

/// Why a file could not be had, in the kernel's words.
final class FileProblems {
  private FileProblems() {}

  static String text(IOException problem) {
    return switch (problem) {
      case NoSuchFileException e -> "no such file or directory";
      case FileNotFoundException e -> "no such file or directory";
      case AccessDeniedException e -> "permission denied";
      case NotDirectoryException e -> "not a directory";
      case FileAlreadyExistsException e -> "file exists";
      case FileSystemException e ->
          Optional.ofNullable(e.getReason())
              .orElse("input/output error")
              .toLowerCase(java.util.Locale.ROOT);
      default -> String.valueOf(problem.getMessage());
    };
  }
}
