package dev.gantry.recipes;

import dev.gantry.json.Json;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How a Node project's packages are installed: by the tool whose lock file is there, in the
/// version that `packageManager` or the lock file asks for.
///
/// @param name for people
/// @param files what is needed for that beside package.json, each with a space after it
/// @param all the command that installs all packages
/// @param program the one that installs those that the program needs
/// @param prune the one that removes the others again
/// @param cache where it keeps downloads
record NodePackages(
    String name, String files, String all, String program, String prune, String cache) {
  private static final Pattern MANAGER =
      Pattern.compile("(pnpm|yarn)@([0-9]{1,3}(?:\\.[0-9]{1,5}){0,2})(?:\\+.*)?");
  private static final Pattern PNPM_LOCK =
      Pattern.compile("(?m)^lockfileVersion:\\s*'?([0-9]{1,2})");

  static NodePackages of(SourceTree tree, Json.JsonObject project) {
    Matcher manager = MANAGER.matcher(project.string("packageManager", ""));
    String tool = tree.has("pnpm-lock.yaml") ? "pnpm" : "yarn";
    String version = manager.matches() && manager.group(1).equals(tool) ? manager.group(2) : "";
    if (tool.equals("pnpm")) {
      return pnpm(version.isEmpty() ? pnpmOf(tree.text("pnpm-lock.yaml").orElse("")) : version);
    }
    if (tree.has("yarn.lock")) {
      boolean classic =
          version.isEmpty()
              ? !tree.text("yarn.lock").orElse("").contains("__metadata:")
              : version.startsWith("1.") || version.equals("1");
      return classic ? yarn() : newerYarn(version.isEmpty() ? "4" : version);
    }
    boolean locked = tree.has("package-lock.json");
    String install =
        locked
            ? "npm ci --no-audit --no-fund"
            : "npm install --no-audit --no-fund --no-package-lock";
    return new NodePackages(
        locked
            ? "npm, as package-lock.json has them"
            : "npm, with no lock file: the next build may get others",
        locked ? "package-lock.json " : "",
        install,
        install + " --omit=dev",
        "npm prune --omit=dev --no-audit --no-fund" + (locked ? "" : " --no-package-lock"),
        "/root/.npm");
  }

  private static NodePackages pnpm(String version) {
    String pnpm = "CI=1 npx --yes pnpm@" + version;
    return new NodePackages(
        "pnpm " + version,
        "pnpm-lock.yaml ",
        pnpm + " install --frozen-lockfile",
        pnpm + " install --frozen-lockfile --prod",
        pnpm + " prune --prod",
        "/root/.local/share/pnpm/store");
  }

  /// The newest pnpm that still writes such a lock file.
  private static String pnpmOf(String lock) {
    Matcher written = PNPM_LOCK.matcher(lock);
    return switch (written.find() ? written.group(1) : "9") {
      case "5" -> "7";
      case "6" -> "8";
      default -> "9";
    };
  }

  private static NodePackages yarn() {
    String install = "npx --yes yarn@1 install --frozen-lockfile --non-interactive";
    return new NodePackages(
        "yarn",
        "yarn.lock ",
        install,
        install + " --production",
        install + " --production --ignore-scripts --prefer-offline",
        "/usr/local/share/.cache/yarn");
  }

  private static NodePackages newerYarn(String version) {
    String yarn =
        "YARN_IGNORE_PATH=1 YARN_NODE_LINKER=node-modules YARN_ENABLE_TELEMETRY=0"
            + " npx --yes --package @yarnpkg/cli-dist@"
            + version
            + " yarn";
    return new NodePackages(
        "yarn " + version,
        "yarn.lock ",
        yarn + " install --immutable",
        yarn + " workspaces focus --production",
        yarn + " workspaces focus --production",
        "/root/.yarn/berry/cache");
  }
}
