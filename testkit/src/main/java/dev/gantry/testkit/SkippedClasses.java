package dev.gantry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;

/// Surefire's reports say nothing of a class whose set-up found that the machine lacks something:
/// its tests are simply not there. So each such class gets a line, `CLASS TAB REASON`, in a file
/// beside the reports, which `./dev` adds to the totals.
public final class SkippedClasses implements TestExecutionListener {
  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    if (!test.isContainer() || result.getStatus() != TestExecutionResult.Status.ABORTED) {
      return;
    }
    String name =
        test.getSource()
            .filter(ClassSource.class::isInstance)
            .map(source -> ((ClassSource) source).getClassName())
            .orElse(test.getDisplayName());
    String reason = result.getThrowable().map(Throwable::getMessage).orElse("");
    Path file = Path.of("target/surefire-reports/skipped-classes.txt");
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(
          file,
          name + "\t" + reason.strip().replace('\n', ' ') + "\n",
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
