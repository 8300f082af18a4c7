package dev.gantry.images;

/// Hears how a pull or push goes, in the words that Docker's clients show. Called by several
/// threads at once; it must not throw.
public interface TransferProgress {
  /// A line of its own: `Digest: sha256:…`.
  void line(String text);

  /// A line about `id`: `Pulling from library/debian`.
  void line(String id, String text);

  /// A layer's step: `Pull complete`.
  void step(String id, String status);

  /// How far a layer's step has come, in bytes.
  void bar(String id, String status, long current, long total);

  /// What a program wants to know of a push: the digest under a tag.
  void pushed(String tag, String digest, long size);

  TransferProgress NONE =
      new TransferProgress() {
        @Override
        public void line(String text) {}

        @Override
        public void line(String id, String text) {}

        @Override
        public void step(String id, String status) {}

        @Override
        public void bar(String id, String status, long current, long total) {}

        @Override
        public void pushed(String tag, String digest, long size) {}
      };
}
