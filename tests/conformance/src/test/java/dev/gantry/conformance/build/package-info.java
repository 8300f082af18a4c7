/// Dockerfiles built by Docker and by us: [BuildCorpusIT].
package dev.gantry.conformance.build;
