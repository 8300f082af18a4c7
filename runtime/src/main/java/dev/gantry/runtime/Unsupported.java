package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// What a configuration may ask for and this runtime or this machine does not have. It is refused:
/// a container that runs without what was asked for would be a surprise.
final class Unsupported {
  private static final Path APPARMOR = Path.of("/sys/module/apparmor/parameters/enabled");

  private Unsupported() {}

  static void check(RuntimeSpec spec) {
    RuntimeSpec.Linux linux = spec.linux();
    RuntimeSpec.Process process = spec.process();
    if (linux != null) {
      refuse(linux.mountLabel(), "linux.mountLabel needs SELinux, which is not supported");
      if (linux.intelRdt() != null) {
        throw new Failure.Unsupported("linux.intelRdt is not supported");
      }
      RuntimeSpec.Personality personality = linux.personality();
      if (personality != null && !personality.flags().isEmpty()) {
        throw new Failure.Unsupported(
            "the specification knows no flags of linux.personality, here are "
                + personality.flags());
      }
    }
    if (process != null) {
      check(process);
    }
  }

  static void check(RuntimeSpec.Process process) {
    refuse(process.selinuxLabel(), "process.selinuxLabel needs SELinux, which is not supported");
    String profile = process.apparmorProfile();
    if (profile != null && !profile.isEmpty() && !profile.equals("unconfined") && !hasAppArmor()) {
      throw new Failure.Unsupported(
          "the AppArmor profile "
              + profile
              + " cannot be applied: this machine has no AppArmor, or it is not enabled");
    }
  }

  private static void refuse(@Nullable String value, String message) {
    if (value != null && !value.isEmpty()) {
      throw new Failure.Unsupported(message);
    }
  }

  static boolean hasAppArmor() {
    try {
      return Files.readString(APPARMOR).startsWith("Y");
    } catch (IOException e) {
      return false; // no such module
    }
  }
}
