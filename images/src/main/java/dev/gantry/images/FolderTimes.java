package dev.gantry.images;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import java.util.ArrayList;
import java.util.List;

/// The times of folders that an archive brings: set last, since making files in folders changes
/// them. Of an endless archive only so many are kept. Not thread-safe.
public final class FolderTimes {
  private static final int MAX_REMEMBERED = 16 << 20; // characters of paths

  private record Time(String path, long seconds, int nanos) {}

  private final Tree tree;
  private final List<Time> times = new ArrayList<>();
  private int remembered;

  public FolderTimes(Tree tree) {
    this.tree = tree;
  }

  public void add(String path, long seconds, int nanos) throws Errno {
    remembered += path.length() + 32;
    if (remembered > MAX_REMEMBERED) {
      set();
    }
    times.add(new Time(path, seconds, nanos));
  }

  /// Sets them, the deepest first. A folder that has gone since needs none.
  public void set() throws Errno {
    for (Time t : times.reversed()) {
      try {
        tree.setTime(t.path(), t.seconds(), t.nanos());
      } catch (Errno e) {
        if (e.number() != Errno.ENOENT && e.number() != Errno.ENOTDIR) {
          throw e;
        }
      }
    }
    times.clear();
    remembered = 0;
  }
}
