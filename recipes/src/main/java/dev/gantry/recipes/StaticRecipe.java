package dev.gantry.recipes;

import java.util.List;
import java.util.Optional;

/// An `index.html`: files, and nginx to serve them.
final class StaticRecipe {
  private static final List<String> FOLDERS =
      List.of("", "public", "dist", "site", "_site", "html", "docs");

  private StaticRecipe() {}

  static Optional<Recipe> of(SourceTree tree, Base base, Part wanted) {
    for (String folder : wanted.folder().isEmpty() ? FOLDERS : List.of(wanted.folder())) {
      String index = folder.isEmpty() ? "index.html" : folder + "/index.html";
      if (tree.has(index)) {
        return Optional.of(
            new Recipe(
                "a static site",
                List.of(index + ": the first page"),
                List.of("nginx, which needs no root", "/site: the files, a layer"),
                Words.service("", tree),
                8080,
                server(base, false)
                    + "COPY "
                    + (folder.isEmpty() ? "." : folder)
                    + " /site\n"
                    + end(),
                Words.IGNORED + ".dockerignore\n"));
      }
    }
    return Optional.empty();
  }

  /// nginx with a configuration that needs neither root nor a writable file system but /tmp.
  ///
  /// @param oneProgram whether unknown paths are for the page's own script to understand
  static String server(Base base, boolean oneProgram) {
    return base.from("nginx:stable-alpine", "", "nginx-light")
        + """
        COPY <<'END' /etc/nginx/nginx.conf
        worker_processes auto;
        pid /tmp/nginx.pid;
        error_log stderr;
        events {
          worker_connections 1024;
        }
        http {
          include /etc/nginx/mime.types;
          default_type application/octet-stream;
          charset utf-8;
          access_log /dev/stdout;
          client_body_temp_path /tmp/body;
          proxy_temp_path /tmp/proxy;
          fastcgi_temp_path /tmp/fastcgi;
          uwsgi_temp_path /tmp/uwsgi;
          scgi_temp_path /tmp/scgi;
          sendfile on;
          gzip on;
          gzip_types text/css text/javascript application/javascript application/json image/svg+xml;
          server_tokens off;
          server {
            listen 8080;
            root /site;
            location / {
              try_files $uri $uri/index.html %s;
            }
          }
        }
        END
        """
            .formatted(oneProgram ? "/index.html" : "$uri.html =404");
  }

  static String end() {
    return """
    USER 10001:10001
    EXPOSE 8080
    STOPSIGNAL SIGQUIT
    ENTRYPOINT ["nginx", "-e", "stderr", "-g", "daemon off;"]
    """;
  }
}
