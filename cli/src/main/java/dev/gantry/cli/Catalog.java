package dev.gantry.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The names of all commands with a line about each. What a command takes and does is made only
/// when it is called: see [Commands].
///
/// To add a command: a line here, and a case in the class of its noun ([Containers], [Images],
/// [Networks], [Volumes], [Contexts], or [Systems] for all else), which leads to a class of the
/// command's own if it is more than one call.
///
/// A line: the full name, its short forms and other names, what it does. A name of one word stands
/// for itself.
final class Catalog {
  private static final String TABLE =
      """
      container attach   | attach | Join the streams of a running container
      container commit   | commit | Make an image of a container's changes
      container cp       | cp | Copy files between a container and this machine
      container create   | create | Make a container without starting it
      container diff     | diff | List what a container changed in its file system
      container exec     | exec | Run a further command in a running container
      container export   | export | Write a container's file system as a tar archive
      container inspect  |  | Show everything known about containers
      container kill     | kill | Send a signal to running containers, SIGKILL if none is named
      container logs     | logs | Show what a container has written
      container ls       | ps, container list, container ps | List containers
      container pause    | pause | Freeze all processes of containers
      container port     | port | Show where a container's ports are published
      container prune    |  | Remove all containers that are not running
      container rename   | rename | Give a container another name
      container restart  | restart | Stop and start containers
      container rm       | rm, container remove | Remove containers
      container run      | run | Make a container of an image and start it
      container start    | start | Start containers that do not run
      container stats    | stats | Show what containers use, refreshed each second
      container stop     | stop | Ask containers to end, and end them after a while
      container top      | top | List the processes of a container
      container unpause  | unpause | Let frozen containers go on
      container update   | update | Change containers that are there: limits, policy, ports, labels, variables
      container why      | why | Explain how a container ended, and by whose hand
      container wait     | wait | Wait until containers end and print their exit codes
      image build        | build, builder build | Build an image from a Dockerfile
      image bootstrap    |  | Make a base image from this machine's own package mirror
      image history      | history | Show the layers of an image
      image import       | import | Make an image of a tar archive of a file system
      image inspect      |  | Show everything known about images
      image load         | load | Read images from an archive that save wrote
      image ls           | images, image list | List images
      image prune        |  | Remove images that nothing uses
      image pull         | pull | Fetch an image from a registry
      image push         | push | Send an image to a registry
      image referrers    |  | Show what refers to an image in its registry: signatures, bills of materials
      image rollback     |  | Point a tag back to what it pointed to before
      image rm           | rmi, image remove | Remove images
      image save         | save | Write images to an archive
      image tags         |  | Show what the tags of a repository pointed to, and when
      image verify       |  | Check all content of all images, or build one again and compare
      image tag          | tag | Give an image a further name
      network connect    |  | Connect a container to a network
      network create     |  | Make a network
      network disconnect |  | Disconnect a container from a network
      network inspect    |  | Show everything known about networks
      network ls         | network list | List networks
      network prune      |  | Remove networks that nothing uses
      network rm         | network remove | Remove networks
      volume clone       |  | Make a volume with the content of another
      volume create      |  | Make a volume
      volume export      |  | Write the content of a volume as a tar archive
      volume import      |  | Make a volume of a tar archive
      volume inspect     |  | Show everything known about volumes
      volume ls          | volume list | List volumes
      volume prune       |  | Remove volumes that nothing uses
      volume snapshot    |  | Keep what a volume holds now, read-only
      volume rm          | volume remove | Remove volumes
      builder prune      |  | Empty the cache of builds
      builder history export  | build history export | Write the records of builds to a file
      builder history inspect | build history inspect | Show how something was built
      builder history logs | build history logs | Show what a build has said
      builder history ls | build history ls, builder history list, build history list | List builds, those under way and the last
      builder history pin | build history pin | Keep the records of builds whatever their age
      builder history rm | build history rm, builder history remove, build history remove | Forget builds
      builder history unpin | build history unpin | Let the records of builds grow old again
      checkpoint create  |  | Keep what a container's processes are doing
      checkpoint ls      | checkpoint list | List a container's checkpoints
      checkpoint rm      | checkpoint remove | Remove a checkpoint
      system dial-stdio  |  | Join standard input and output with the engine, for clients over SSH
      system df          |  | Show what takes how much of the disk
      system events      | events | Show what happens, as it happens
      system info        | info | Describe the engine and its machine
      system prune       |  | Remove everything that nothing uses
      context create     |  | Note an engine's address under a name
      context export     |  | Write a context to a file
      context import     |  | Read a context from a file
      context inspect    |  | Show everything known about contexts
      context ls         | context list | List contexts
      context rm         | context remove | Forget contexts
      context show       |  | Print the name of the current context
      context update     |  | Change a context
      context use        |  | Make a context the current one
      manifest annotate  |  | Say which platform an entry of a list is for
      manifest create    |  | Put a list of several platforms together
      manifest inspect   |  | Show the manifest that a name has in its registry
      manifest push      |  | Send a list to its registry
      manifest rm        |  | Forget lists that were put together
      inspect            |  | Show everything known about containers, images, networks, volumes
      init               |  | Write a Dockerfile for the sources in a folder
      login              |  | Log in to a registry
      logout             |  | Log out of a registry
      search             |  | Look for images in a registry
      version            |  | Show the versions of this program and the engine
      completion         |  | Print the completion script for a shell
      resident           |  | Show or end the program that keeps this command line warm
      """;

  /// Management words with what they are about, in the order of help.
  static final Map<String, String> GROUPS = groups();

  /// A command's names; the first is the full one.
  record Entry(List<String> names, String help) {
    /// The name that the overview lists: the one of a single word, if there is one.
    Optional<String> shortName() {
      return names.stream().filter(name -> name.indexOf(' ') < 0).findFirst();
    }

    String fullName() {
      return names.getFirst();
    }
  }

  private static final List<Entry> ENTRIES = entries();

  private Catalog() {}

  private static Map<String, String> groups() {
    Map<String, String> groups = new LinkedHashMap<>();
    groups.put("container", "Everything about containers");
    groups.put("image", "Everything about images");
    groups.put("manifest", "What names mean in their registries");
    groups.put("network", "Everything about networks");
    groups.put("volume", "Everything about volumes");
    groups.put("builder", "Builds: their cache and their history");
    groups.put("checkpoint", "What containers' processes were doing, where the engine can keep it");
    groups.put("system", "The engine, its disk and its events");
    groups.put("context", "Addresses of engines under names");
    return groups;
  }

  private static List<Entry> entries() {
    List<Entry> entries = new ArrayList<>();
    for (String line : TABLE.split("\n")) {
      String[] parts = line.split("\\|", 3);
      List<String> names = new ArrayList<>(List.of(parts[0].strip()));
      for (String other : parts[1].split(",")) {
        if (!other.isBlank()) {
          names.add(other.strip());
        }
      }
      entries.add(new Entry(List.copyOf(names), parts[2].strip()));
    }
    return List.copyOf(entries);
  }

  static List<Entry> all() {
    return ENTRIES;
  }

  /// The command that this name, full or short, stands for.
  static Optional<Entry> find(String name) {
    return ENTRIES.stream().filter(entry -> entry.names().contains(name)).findFirst();
  }
}
