package dev.gantry.registry;

/// Where things lie in the storage.
///
/// ```
/// blobs/ALGORITHM/HEX                             content, shared by all repositories
/// uploads/ID/session, uploads/ID/data             a push at work
/// repositories/NAME/_blobs/ALGORITHM/HEX          empty: the repository has this blob
/// repositories/NAME/_manifests/ALGORITHM/HEX      media type, a line feed, and the manifest's bytes
/// repositories/NAME/_tags/TAG                     what the tag points to
/// repositories/NAME/_referrers/ALGORITHM/HEX/A-H  descriptor of a manifest with that subject
/// ```
final class Keys {
  static final String REPOSITORIES = "repositories";
  static final String BLOBS = "blobs";
  static final String UPLOADS = "uploads";

  private Keys() {}

  static String repository(RepositoryName name) {
    return REPOSITORIES + "/" + name;
  }

  static String blob(ContentDigest digest) {
    return BLOBS + "/" + digest.key();
  }

  static String links(RepositoryName name) {
    return repository(name) + "/_blobs";
  }

  static String link(RepositoryName name, ContentDigest digest) {
    return links(name) + "/" + digest.key();
  }

  static String manifests(RepositoryName name) {
    return repository(name) + "/_manifests";
  }

  static String manifest(RepositoryName name, ContentDigest digest) {
    return manifests(name) + "/" + digest.key();
  }

  static String tags(RepositoryName name) {
    return repository(name) + "/_tags";
  }

  static String tag(RepositoryName name, String tag) {
    return tags(name) + "/" + tag;
  }

  static String referrers(RepositoryName name, ContentDigest subject) {
    return repository(name) + "/_referrers/" + subject.key();
  }

  static String referrer(RepositoryName name, ContentDigest subject, ContentDigest manifest) {
    return referrers(name, subject) + "/" + manifest.algorithm() + "-" + manifest.hex();
  }

  static String session(String upload) {
    return UPLOADS + "/" + upload + "/session";
  }

  static String data(String upload) {
    return UPLOADS + "/" + upload + "/data";
  }
}
