// Verifies every bundle with the JavaScript client, by identity, and sees that it refuses each broken copy.
// Arguments: bundles.json, root.json. Prints one line; ends with 1 at the first surprise.
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const bundles = read(process.argv[2]);
const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(read(process.argv[3]))));
const exactly = (text) => `^${text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$`;

const verify = (path, { identity, issuer }) =>
  verifier.verify(toSignedEntity(bundleFromJSON(read(path))), {
    subjectAlternativeName: exactly(identity),
    extensions: { issuer },
  });
const refused = (act) => {
  try {
    act();
  } catch {
    return true;
  }
  return false;
};

for (const item of bundles) {
  verify(item.bundle, item);
  if (!refused(() => verify(item.broken, item))) throw new Error(`accepted the broken ${item.broken}`);
  if (!refused(() => verify(item.bundle, { ...item, identity: 'nobody@example.org' })))
    throw new Error(`accepted a foreign identity for ${item.bundle}`);
}
console.log(`${bundles.length} bundles`);
