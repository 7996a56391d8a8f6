package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"lanyard/internal/trial"
)

// nginxConfig is for a server in the foreground that touches nothing outside
// its folder (-p). The cipher is the one that lanyard's ends agree on too.
const nginxConfig = `daemon off;
master_process off;
error_log stderr crit;
pid nginx.pid;
events {}
http {
  access_log off;
  default_type application/octet-stream;
  client_body_temp_path client;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen %s ssl;
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_certificate cert.pem;
    ssl_certificate_key key.pem;
    root source;
  }
}
`

// startNginx serves the folder of the sources over HTTPS.
func (b *bench) startNginx(ctx context.Context, place *trial.Place) (*server, error) {
	program, err := find("nginx")
	if err != nil {
		return nil, err
	}
	at, err := place.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		certificate(b.memory, at.Addr()),
		os.WriteFile(filepath.Join(b.memory, "nginx.conf"), fmt.Appendf(nil, nginxConfig, at), 0o600),
	)
	if err != nil {
		return nil, err
	}
	return serve(ctx, place, at, program, "-p", b.memory, "-c", "nginx.conf", "-e", "stderr")
}

// curl fetches a source from nginx.
func (b *bench) curl(s source, nginx *server, nginxErr error, receiver *trial.Place) contender {
	c := contender{
		name:    "curl, HTTPS from nginx",
		command: "curl -q -sS --noproxy '*' --cacert cert.pem -o FILE https://ADDRESS/FILE",
	}
	program, err := find("curl")
	if err := errors.Join(err, nginxErr); err != nil {
		c.missing = err.Error()
		return c
	}
	c.run = b.into(func(ctx context.Context, dir string) (sample, error) {
		target := filepath.Join(dir, "file")
		result, err := client(ctx, nginx, receiver, nil, program, "-q", "-sS", "--noproxy", "*",
			"--cacert", filepath.Join(b.memory, "cert.pem"),
			"-o", target, fmt.Sprintf("https://%v/%s", nginx.at, filepath.Base(s.path)))
		result.bytes = s.bytes
		return result, errors.Join(err, checkIf(err, target, s))
	})
	return c
}

// checkIf checks a target that was fetched without an error.
func checkIf(err error, target string, s source) error {
	if err != nil {
		return nil
	}
	return arrived(target, s)
}

// certificate writes cert.pem and key.pem, for a server at an address.
func certificate(dir string, at netip.Addr) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{at.AsSlice()}, IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(filepath.Join(dir, "cert.pem"), "CERTIFICATE", cert),
		writePEM(filepath.Join(dir, "key.pem"), "PRIVATE KEY", secret),
	)
}

func writePEM(path, kind string, data []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600)
}
