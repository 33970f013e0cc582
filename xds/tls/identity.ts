import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { EvenkeelError } from "../../common/errors.ts";

/** What the xDS port shows and asks for, all as PEM. */
export interface Identity {
  /** The own certificate first, then those that lead to the root. */
  readonly certificates: string;
  readonly key: string;
  /** The roots that clients' certificates must lead to. */
  readonly roots: string;
}

const BEGIN = "-----BEGIN CERTIFICATE-----";

/**
 * Makes sure that the parts are whole and fit together: gRPC would take what is not, and then no connection any more.
 * @returns when the certificate ends to be valid, in ms since 1970, and the SPIFFE id in it, if any
 * @throws EvenkeelError EK_TLS_INVALID
 */
export function checkIdentity(
  identity: Identity,
  where: string,
): { readonly untilMs: number; readonly spiffeId: string | undefined } {
  const invalid = (what: string, cause?: unknown) => new EvenkeelError("EK_TLS_INVALID", what, { where, cause });
  try {
    const { certificates, key, roots } = identity;
    const certificate = firstCertificate(certificates);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw invalid("the key is not the certificate's own");
    firstCertificate(roots);
    createSecureContext({ cert: certificates, key, ca: roots });
    return {
      untilMs: Date.parse(certificate.validTo),
      spiffeId: spiffeIdOf(certificate.subjectAltName),
    };
  } catch (error) {
    throw error instanceof EvenkeelError ? error : invalid((error as Error).message, error);
  }
}

/** The first certificate of a PEM text, all of which are read: Node looks at no more, and OpenSSL passes over broken roots. */
function firstCertificate(pem: string): X509Certificate {
  const [, , ...others] = pem.split(BEGIN);
  for (const other of others) new X509Certificate(`${BEGIN}${other}`);
  return new X509Certificate(pem);
}

/** The SPIFFE id among a certificate's alternative names, as Node writes them: `URI:spiffe://…, DNS:…`. */
export function spiffeIdOf(names: string | undefined): string | undefined {
  return /(?:^|, )URI:(spiffe:\/\/[^,"\s]+)(?:,|$)/.exec(names ?? "")?.[1];
}
