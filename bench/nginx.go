package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A front is a running nginx.
type front struct {
	*process
	url string
}

// nginxConfig is one nginx: a protected location, and the site behind it on a socket.
const nginxConfig = `
user root;
worker_processes %[5]s;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log warn;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path %[1]s/body;
    proxy_temp_path       %[1]s/proxy;
    fastcgi_temp_path     %[1]s/fastcgi;
    uwsgi_temp_path       %[1]s/uwsgi;
    scgi_temp_path        %[1]s/scgi;
%[3]s
    upstream site { server unix:%[1]s/site; keepalive 32; }
    server {
        listen unix:%[1]s/site;
        keepalive_requests 1000000;
        return 200 "the site\n";
    }
    server {
        listen %[2]s%[6]s;
%[4]s
    }
}
`

// A site says what one nginx protects, and how.
type site struct {
	socket string // of the gateway
	http   string // more in http {}
	server string // the protecting server's inside

	perProcessor bool // a worker for each processor, instead of one
}

// protected is a location behind gatehouse, with the files of nginx/snippets as they are shipped.
const protected = `
        include snippets/gatehouse-server.conf;
        location / {
            set $gatehouse_backend http://site;
            include snippets/gatehouse-protect.conf;
        }`

// bare is a location where the question to gatehouse is all that costs: what it protects is 43 bytes of
// nginx's own.
const bare = `
        include snippets/gatehouse-server.conf;
        location / {
            auth_request /_gatehouse;
            empty_gif;
        }
        location /site/ { # without it nginx does not know the variables of the first file
            set $gatehouse_backend http://site;
            include snippets/gatehouse-protect.conf;
        }`

// behindGateway is the site whose gateway listens on socket.
func behindGateway(socket string) site {
	return site{socket: socket, http: "    include snippets/gatehouse-upstream.conf;", server: protected}
}

// behindBasic is the site that nginx protects by itself. It hashes on all processors, as gatehouse does.
func behindBasic(file string) site {
	return site{perProcessor: true, server: fmt.Sprintf(`
        location / {
            auth_basic "site";
            auth_basic_user_file %s;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://site;
        }`, file)}
}

// startNginx starts an nginx and waits until it listens.
func (b *bench) startNginx(s site) (f *front, err error) {
	for range 3 { // a port that was free may be taken by the time nginx wants it
		if f, err = b.tryNginx(s); err == nil || !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	return f, err
}

func (b *bench) tryNginx(s site) (*front, error) {
	folder, address, err := b.writeNginx(s)
	if err != nil {
		return nil, err
	}
	f := &front{url: "http://" + address + "/"}
	args := []string{"-p", folder, "-c", filepath.Join(folder, "nginx.conf")}
	if f.process, err = b.start("nginx", "nginx", append(args, "-g", "daemon off;")...); err != nil {
		return nil, err
	}
	return f, f.await(b.ctx, time.Millisecond, func() error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// writeNginx makes nginx's folder: the snippets with the gateway's socket, and a main file around them.
func (b *bench) writeNginx(s site) (folder, address string, err error) {
	if folder, err = os.MkdirTemp(b.folder, "n"); err != nil {
		return "", "", err
	}
	if address, err = freeAddress(); err != nil {
		return "", "", err
	}
	snippets, err := filepath.Glob(filepath.Join(b.root, "nginx", "snippets", "*.conf"))
	if err != nil {
		return "", "", err
	}
	under := filepath.Base(folder)
	for _, from := range snippets {
		text, err := os.ReadFile(from)
		if err != nil {
			return "", "", err
		}
		own := strings.ReplaceAll(string(text), "/run/gatehouse/gatehouse.sock", s.socket)
		own = strings.ReplaceAll(own, "/run/gatehouse-cache", filepath.Join(folder, "cache"))
		if _, err := b.write(filepath.Join(under, "snippets", filepath.Base(from)), own); err != nil {
			return "", "", err
		}
	}
	workers, share := "1", ""
	if s.perProcessor {
		workers, share = "auto", " reuseport" // without it one worker may accept all connections
	}
	_, err = b.write(filepath.Join(under, "nginx.conf"), fmt.Sprintf(nginxConfig, folder, address, s.http, s.server, workers, share))
	return folder, address, err
}
