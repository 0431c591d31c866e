package scram

import (
	"crypto"
	_ "crypto/sha512" // SHA-384 and SHA-512 for crypto.Hash.New
	"crypto/x509"
	"fmt"
)

// EndPoint returns the tls-server-end-point channel binding of a server's certificate (RFC 5929, section 4.1): its
// hash under the hash of its own signature, SHA-256 where that is MD5 or SHA-1. Signatures with no single hash
// (Ed25519) have none: an error, and then SHA256Plus can't be used.
func EndPoint(cert *x509.Certificate) ([]byte, error) {
	var hash crypto.Hash
	switch cert.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1,
		x509.SHA256WithRSA, x509.DSAWithSHA256, x509.ECDSAWithSHA256, x509.SHA256WithRSAPSS:
		hash = crypto.SHA256
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		hash = crypto.SHA512
	default:
		return nil, fmt.Errorf("bind channel: a certificate signed with %s has no channel binding", cert.SignatureAlgorithm)
	}
	h := hash.New()
	h.Write(cert.Raw)
	return h.Sum(nil), nil
}
