/// Tar archives as `cp` needs them: written in POSIX's format with long names and large sizes, read
/// in that and GNU's. Entries: [TarWriter], [TarReader].
@org.jspecify.annotations.NullMarked
package dev.gantry.cli.tar;
