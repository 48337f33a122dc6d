package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

const (
	certType = "CERTIFICATE"
	keyType  = "PRIVATE KEY"
)

// parsePEM returns what the blocks of a file hold. It is stricter than package pem, which skips
// what it does not understand: between a first and a third certificate it would not miss a damaged
// second one.
func parsePEM(data []byte, kind string) (blocks [][]byte, err error) {
	begin := []byte("-----BEGIN " + kind + "-----")
	for data = bytes.TrimSpace(data); len(data) > 0; data = bytes.TrimSpace(data) {
		if !bytes.HasPrefix(data, begin) {
			return nil, errors.New("expected " + string(begin))
		}
		b, rest := pem.Decode(data)
		taken := data[:len(data)-len(rest)]
		if b == nil || bytes.Count(taken, []byte("-----BEGIN")) != 1 {
			return nil, errors.New("a block is damaged or cut off")
		}
		if len(b.Headers) > 0 {
			return nil, errors.New("headers in a block")
		}
		blocks, data = append(blocks, b.Bytes), rest
	}
	if len(blocks) == 0 {
		return nil, errors.New("it is empty")
	}
	return blocks, nil
}

func parseCerts(data []byte) (certs []*x509.Certificate, err error) {
	blocks, err := parsePEM(data, certType)
	if err != nil {
		return nil, err
	}
	for _, der := range blocks {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

func parseCert(data []byte) (*x509.Certificate, error) {
	certs, err := parseCerts(data)
	if err != nil {
		return nil, err
	}
	if len(certs) != 1 {
		return nil, errors.New("it holds more than one certificate")
	}
	return certs[0], nil
}

func parseKey(data []byte) (*ecdsa.PrivateKey, error) {
	blocks, err := parsePEM(data, keyType)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 {
		return nil, errors.New("it holds more than one key")
	}
	key, err := x509.ParsePKCS8PrivateKey(blocks[0])
	if err != nil {
		return nil, err
	}
	k, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an ECDSA key")
	}
	return k, nil
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certType, Bytes: der})
}

func keyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyType, Bytes: der}), nil
}

// load reads a file and parses it; what the parser says becomes an error about the file.
func load[T any](path string, secret bool, parse func([]byte) (T, error)) (T, error) {
	var none T
	data, err := readFile(path, secret)
	if err != nil {
		return none, err
	}
	v, err := parse(data)
	if err != nil {
		return none, &Error{path, ErrDamaged, err.Error() + "; copy it anew"}
	}
	return v, nil
}
