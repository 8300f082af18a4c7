package dev.gantry.build;

import dev.gantry.kernel.Tree;

/// A file or folder that COPY or ADD takes.
///
/// @param path in the source's tree, without links
/// @param name its last part, or with --parents the path to keep
record Pick(Tree tree, Source source, String path, String name, Tree.Status status) {}
