package dev.gantry.buildkit;

import dev.gantry.grpc.GrpcException;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.MediaTypes;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;

/// Sends an image into an OCI layout of the client, which writes the layout's index itself: what a
/// document names goes before it.
final class LayoutSend {
  private final ContentStore content;
  private final SessionContent client;

  LayoutSend(ContentStore content, SessionContent client) {
    this.content = content;
    this.client = client;
  }

  /// @param root an index, a manifest, or what one of them names; all is in the store
  void send(Descriptor root) throws GrpcException, IOException {
    if (MediaTypes.isIndex(root.mediaType()) || MediaTypes.isManifest(root.mediaType())) {
      byte[] document =
          content
              .read(root.digest())
              .orElseThrow(() -> new IOException(root.digest() + " is gone"));
      switch (ManifestDocument.parse(document, root.mediaType())) {
        case ImageIndex index -> {
          for (Descriptor entry : index.manifests()) {
            send(entry);
          }
        }
        case Manifest manifest -> {
          send(manifest.config());
          for (Descriptor layer : manifest.layers()) {
            send(layer);
          }
        }
      }
    }
    try (InputStream in = Files.newInputStream(content.path(root.digest()))) {
      client.write(root, in);
    }
  }
}
