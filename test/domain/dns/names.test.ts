/** The operator's names for servers, as of the last list. */
import t from 'tap';
import type { DnsMapping } from '../../../domain/dns/events.ts';
import { createDnsNames } from '../../../domain/dns/names.ts';

const mapping = (serverIdType: DnsMapping['serverIdType'], serverId: string, internalDnsName: string): DnsMapping => ({
  serverIdType,
  serverId,
  internalDnsName,
});
const SERVER = { id: 'server-1', ip: '10.0.0.1', ec2InstanceId: 'i-1' };

t.test('a server is found by its id, by that of its instance, and by its address, in this order', (t) => {
  const names = createDnsNames();
  t.equal(names.internalName(SERVER), undefined);
  names.put([
    mapping('Ip', '10.0.0.1', 'by.ip'),
    mapping('Host.Aws.Ec2InstanceId', 'i-1', 'by.instance'),
    mapping('Id', 'server-1', 'by.id'),
  ]);
  t.equal(names.internalName(SERVER), 'by.id');
  t.equal(names.internalName({ ...SERVER, id: 'server-2' }), 'by.instance');
  t.equal(names.internalName({ id: 'server-2', ip: '10.0.0.1' }), 'by.ip');
  t.equal(names.internalName({ id: '10.0.0.1', ip: 'server-1' }), undefined, 'what is an address is no id');
  t.end();
});

t.test('a list takes the place of the one before', (t) => {
  const names = createDnsNames();
  names.put([mapping('Ip', '10.0.0.1', 'a'), mapping('Ip', '10.0.0.2', 'b')]);
  names.put([mapping('Ip', '10.0.0.2', 'c')]);
  t.equal(names.internalName(SERVER), undefined);
  t.equal(names.internalName({ id: 'x', ip: '10.0.0.2' }), 'c');
  t.end();
});
