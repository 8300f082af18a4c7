package dev.gantry.cli;

import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;

/// How a build goes on a terminal: the steps with their times, below those that run the last lines
/// of what they print; drawn again and again at the same place. Thread-safe.
final class BuildTerminal implements AutoCloseable {
  private static final int MOST_LINES = 6;
  private static final int MOST_STEPS = 30;
  private static final long REDRAW_MILLIS = 100;

  private static final class Step {
    private final String head;
    private final Deque<String> lines = new ArrayDeque<>();
    private String rest = "";
    private long began;
    private long ended;
    private String end = "";

    Step(String head) {
      this.head = head;
    }
  }

  private final PrintStream out;
  private final int columns;
  private final long start = System.nanoTime();
  private final List<Step> steps = new ArrayList<>();
  private final Thread clock;
  private int drawn;
  private boolean closed;

  /// @param columns of the terminal
  BuildTerminal(PrintStream out, int columns) {
    this.out = out;
    this.columns = Math.max(40, columns);
    clock = Thread.ofPlatform().daemon().name("build-screen").start(this::tick);
  }

  private void tick() {
    try {
      while (true) {
        Thread.sleep(REDRAW_MILLIS);
        synchronized (this) {
          if (closed) {
            return;
          }
          draw(false);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  synchronized void plan(List<String> heads) {
    heads.forEach(head -> steps.add(new Step(head)));
  }

  synchronized void began(int number) {
    steps.get(number).began = System.nanoTime();
  }

  synchronized void said(int number, String text) {
    Step step = steps.get(number);
    String[] lines = (step.rest + text).split("\n", -1);
    for (int i = 0; i + 1 < lines.length; i++) {
      step.lines.add(lines[i]);
      if (step.lines.size() > MOST_LINES) {
        String _ = step.lines.remove();
      }
    }
    step.rest = lines[lines.length - 1];
  }

  /// @param end `CACHED`, `ERROR`, or empty for one that is done
  synchronized void ended(int number, String end) {
    Step step = steps.get(number);
    if (step.ended == 0) {
      step.ended = System.nanoTime();
      step.end = end;
    }
  }

  // ---- drawing

  private void draw(boolean last) {
    List<String> lines = new ArrayList<>();
    long done = steps.stream().filter(s -> s.ended != 0).count();
    boolean finished = last && done == steps.size();
    lines.add(
        line(
            "[+] Building " + seconds(start, System.nanoTime()),
            "(" + done + "/" + steps.size() + ")" + (finished ? " FINISHED" : ""),
            ""));
    List<Step> begun = steps.stream().filter(s -> s.began != 0).toList();
    int from = last ? 0 : Math.max(0, begun.size() - MOST_STEPS);
    for (Step step : begun.subList(from, begun.size())) {
      boolean runs = step.ended == 0;
      String mark = step.end.isEmpty() ? " => " : " => " + step.end + " ";
      String colour = runs ? "" : step.end.equals("ERROR") ? "31" : "34";
      long end = runs ? System.nanoTime() : step.ended;
      lines.add(line(mark + step.head, seconds(step.began, end), colour));
      if (runs && !last || step.end.equals("ERROR")) {
        step.lines.forEach(l -> lines.add(line(" => => # " + l, "", "90")));
      }
    }
    StringBuilder text = new StringBuilder();
    if (drawn > 0) {
      text.append("\u001b[").append(drawn).append("F"); // up to the first line that was drawn
    }
    text.append("\u001b[0J"); // nothing of it stays
    lines.forEach(l -> text.append(l).append('\n'));
    out.print(text);
    out.flush();
    drawn = lines.size();
  }

  private static String seconds(long from, long to) {
    return String.format(Locale.ROOT, "%.1fs", (to - from) / 1e9);
  }

  /// A line that fills the terminal and does not break.
  private String line(String left, String right, String colour) {
    int room = columns - right.length() - 2;
    String plain = left.replaceAll("\\p{Cntrl}", " ");
    String fit = plain.length() > room ? plain.substring(0, room - 1) + "…" : plain;
    String all = fit + " ".repeat(room - fit.length() + 1) + right;
    return colour.isEmpty() ? all : "\u001b[" + colour + "m" + all + "\u001b[0m";
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      draw(true);
    }
    clock.interrupt();
  }
}
