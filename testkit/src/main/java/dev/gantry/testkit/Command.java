package dev.gantry.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/// A program run to its end, with a deadline after which it is killed.
public final class Command {
  private final List<String> words;
  private final Map<String, String> environment = new HashMap<>();
  private byte[] input = {};
  private Duration limit = Duration.ofMinutes(1);

  private Command(List<String> words) {
    this.words = words;
  }

  public static Command of(String... words) {
    return new Command(List.of(words));
  }

  public static Command of(List<String> words) {
    return new Command(List.copyOf(words));
  }

  public Command with(String variable, String value) {
    environment.put(variable, value);
    return this;
  }

  public Command input(byte[] bytes) {
    input = bytes;
    return this;
  }

  public Command input(String text) {
    return input(text.getBytes(StandardCharsets.UTF_8));
  }

  public Command within(Duration duration) {
    limit = duration;
    return this;
  }

  /// The program and its arguments.
  public List<String> words() {
    return words;
  }

  /// What it gets beside our own variables.
  public Map<String, String> environment() {
    return environment;
  }

  /// Starts it without waiting; standard output and error go to one pipe each.
  public Process start() {
    ProcessBuilder builder = new ProcessBuilder(new ArrayList<>(words));
    builder.environment().putAll(environment);
    try {
      return builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException("could not start " + words, e);
    }
  }

  /// Runs it and collects everything.
  public Outcome run() {
    Process process = start();
    CompletableFuture<byte[]> out = collect(process.getInputStream());
    CompletableFuture<byte[]> err = collect(process.getErrorStream());
    try (OutputStream stdin = process.getOutputStream()) {
      stdin.write(input);
    } catch (IOException e) {
      // the program did not want all of it; its exit code tells
    }
    try {
      boolean ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
      if (!ended) {
        process.destroyForcibly().waitFor();
      }
      String errors = new String(out(err), StandardCharsets.UTF_8);
      Outcome outcome = new Outcome(words, process.exitValue(), out(out), errors);
      if (!ended) {
        throw new AssertionError("not ended after " + limit.toSeconds() + " s: " + outcome);
      }
      return outcome;
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /// A pipe may stay open in a grandchild: what came is then enough.
  private static byte[] out(CompletableFuture<byte[]> collected) {
    return collected.completeOnTimeout(new byte[0], 10, TimeUnit.SECONDS).join();
  }

  private static CompletableFuture<byte[]> collect(InputStream stream) {
    CompletableFuture<byte[]> all = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                all.complete(stream.readAllBytes());
              } catch (IOException e) {
                all.complete(new byte[0]);
              }
            });
    return all;
  }
}
