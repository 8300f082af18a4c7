package dev.gantry.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Trees of mounts that only the holder of a descriptor sees (open_tree(2), OPEN_TREE_CLONE): a
/// look into a container that runs, or one of a stopped container put together for the look. They
/// vanish with the descriptor.
///
/// Mount namespaces belong to kernel threads here: each call works on a platform thread of its own
/// that then ends. While such a thread stands in a container's namespace it makes raw calls only,
/// so that nothing of the container's files can come into this process.
public final class DetachedMounts {
  private static final int CLONE_FS = 0x200;
  private static final int CLONE_NEWNS = 0x20000;
  private static final int OPEN_TREE_CLONE = 1;
  private static final int RECURSIVE = 0x8000;
  private static final long MS_BIND = 0x1000;
  private static final long MS_REC = 0x4000;
  private static final long MS_PRIVATE = 0x40000;
  private static final int FSCONFIG_SET_FLAG = 0;
  private static final int FSCONFIG_SET_STRING = 1;
  private static final int FSCONFIG_CREATE = 6;
  private static final int MOVE_MOUNT_F_EMPTY_PATH = 4;
  private static final int OPTION_LIMIT = 4000;

  /// A folder or file to be seen at another place of the tree.
  ///
  /// @param target absolute, resolved inside the tree; made if it is missing and the tree is
  ///   writable
  public record Bind(Path source, String target) {}

  /// An overlay to mount.
  ///
  /// @param lowers the uppermost first
  /// @param upper null for a look that changes nothing
  /// @param target an empty folder on the host
  public record Overlay(
      List<Path> lowers, @Nullable Path upper, @Nullable Path work, Path target) {}

  private DetachedMounts() {}

  /// What process `pid` has as its root.
  ///
  /// @param withMounts everything that is mounted below as well; else the root's mount alone
  public static Fd ofProcess(int pid, boolean withMounts) throws Errno {
    int flags = OPEN_TREE_CLONE | Fd.O_CLOEXEC | (withMounts ? RECURSIVE : 0);
    try (Fd namespace = Fd.open("/proc/" + pid + "/ns/mnt", Fd.O_RDONLY);
        Arena arena = Arena.ofShared()) {
      MemorySegment root = Native.string(arena, "/");
      int number = namespace.number();
      long result =
          OwnThread.mounting(
              () -> {
                long done = Native.raw(Syscalls.UNSHARE, CLONE_FS, 0, 0, 0, 0, 0);
                if (done >= 0) {
                  done = Native.raw(Syscalls.SETNS, number, CLONE_NEWNS, 0, 0, 0, 0);
                }
                return done < 0
                    ? done
                    : Native.raw(Syscalls.OPEN_TREE, Fd.AT_FDCWD, root.address(), flags, 0, 0, 0);
              });
      if (result < 0) {
        throw Native.failed((int) -result, Syscalls.OPEN_TREE, "the files of process " + pid);
      }
      return Fd.adopt((int) result);
    }
  }

  /// Mounts `overlay` with `binds` in it where nobody sees it.
  public static Fd of(Overlay overlay, List<Bind> binds) throws Errno {
    return OwnThread.mounting(
        () -> {
          Native.call(Syscalls.UNSHARE, "mount namespace", CLONE_NEWNS, 0, 0);
          try (Arena arena = Arena.ofConfined()) {
            mount(arena, "none", "/", null, MS_REC | MS_PRIVATE, null);
            mountOverlay(arena, overlay);
            try (Tree tree = Tree.open(overlay.target().toString())) {
              for (Bind bind : binds) {
                bind(arena, tree, bind, overlay.upper() != null);
              }
            }
            return Fd.adopt(
                (int)
                    Native.call(
                        Syscalls.OPEN_TREE,
                        overlay.target().toString(),
                        Fd.AT_FDCWD,
                        Native.string(arena, overlay.target().toString()).address(),
                        OPEN_TREE_CLONE | Fd.O_CLOEXEC | RECURSIVE));
          }
        });
  }

  /// Mounts `overlay` on its target for everybody on this machine to see, until
  /// [HostMounts#unmount].
  public static void onHost(Overlay overlay) throws Errno {
    boolean ignored =
        OwnThread.mounting(
            () -> {
              try (Arena arena = Arena.ofConfined()) {
                mountOverlay(arena, overlay);
              }
              return true;
            });
  }

  private static void mount(
      Arena arena,
      String source,
      String target,
      @Nullable String type,
      long flags,
      @Nullable String options)
      throws Errno {
    Native.call(
        Syscalls.MOUNT,
        target,
        Native.string(arena, source).address(),
        Native.string(arena, target).address(),
        type == null ? 0 : Native.string(arena, type).address(),
        flags,
        options == null ? 0 : Native.string(arena, options).address(),
        0);
  }

  private static void mountOverlay(Arena arena, Overlay overlay) throws Errno {
    StringBuilder options = new StringBuilder("lowerdir=");
    for (int i = 0; i < overlay.lowers().size(); i++) {
      options.append(i == 0 ? "" : ":").append(escaped(overlay.lowers().get(i)));
    }
    Path upper = overlay.upper();
    Path work = overlay.work();
    if (upper != null && work != null) {
      options.append(",upperdir=").append(escaped(upper));
      options.append(",workdir=").append(escaped(work)).append(",volatile");
    }
    if (options.length() < OPTION_LIMIT) {
      mount(arena, "overlay", overlay.target().toString(), "overlay", 0, options.toString());
      return;
    }
    // many layers: one option each (Linux 6.5 and newer)
    try (Fd context =
        Fd.adopt(
            (int)
                Native.call(
                    Syscalls.FSOPEN, "overlay", Native.string(arena, "overlay").address(), 1, 0))) {
      for (Path lower : overlay.lowers()) {
        configure(arena, context, FSCONFIG_SET_STRING, "lowerdir+", lower.toString());
      }
      if (upper != null && work != null) {
        configure(arena, context, FSCONFIG_SET_STRING, "upperdir", upper.toString());
        configure(arena, context, FSCONFIG_SET_STRING, "workdir", work.toString());
        configure(arena, context, FSCONFIG_SET_FLAG, "volatile", null);
      }
      configure(arena, context, FSCONFIG_CREATE, null, null);
      try (Fd mount =
          Fd.adopt((int) Native.call(Syscalls.FSMOUNT, "overlay", context.number(), 1, 0))) {
        Native.call(
            Syscalls.MOVE_MOUNT,
            overlay.target().toString(),
            mount.number(),
            Native.string(arena, "").address(),
            Fd.AT_FDCWD,
            Native.string(arena, overlay.target().toString()).address(),
            MOVE_MOUNT_F_EMPTY_PATH,
            0);
      }
    }
  }

  private static void configure(
      Arena arena, Fd context, int what, @Nullable String key, @Nullable String value)
      throws Errno {
    Native.call(
        Syscalls.FSCONFIG,
        key == null ? "overlay" : key,
        context.number(),
        what,
        key == null ? 0 : Native.string(arena, key).address(),
        value == null ? 0 : Native.string(arena, value).address(),
        0,
        0);
  }

  private static String escaped(Path path) {
    return path.toString().replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,");
  }

  private static void bind(Arena arena, Tree tree, Bind bind, boolean writable) throws Errno {
    try (Fd source = Fd.open(bind.source().toString(), Fd.O_PATH)) {
      if (writable) {
        makeTarget(tree, bind);
      }
      try (Fd target = tree.openFile(bind.target(), Fd.O_PATH)) {
        mount(arena, source.procPath(), target.procPath(), null, MS_BIND | MS_REC, null);
      }
    } catch (Errno e) {
      if (e.number() != Errno.ENOENT && e.number() != Errno.ENOTDIR) {
        throw e; // what has gone on either side is not seen
      }
    }
  }

  private static void makeTarget(Tree tree, Bind bind) throws Errno {
    int slash = 0;
    String target = bind.target();
    boolean folder = java.nio.file.Files.isDirectory(bind.source());
    while (slash >= 0) {
      slash = target.indexOf('/', slash + 1);
      String part = slash < 0 ? target : target.substring(0, slash);
      if (tree.status(part).isEmpty()) {
        if (slash >= 0 || folder) {
          tree.makeFolder(part, 0755);
        } else {
          tree.createFile(part, 0644).close();
        }
      }
    }
  }
}
