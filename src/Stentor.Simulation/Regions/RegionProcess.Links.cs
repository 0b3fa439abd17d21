using System.Globalization;
using System.Text;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Simulation;

/// <content>The region's links: connections and times in, messages and commands out.</content>
internal sealed partial class RegionProcess
{
    private const string Cluster = "simulated";
    private static readonly byte[] Secret = Encoding.ASCII.GetBytes("the secret of a simulated cluster");

    private readonly Dissemination _links;
    private readonly SortedSet<int> _openLinks = [];
    private readonly LinkOutput _output = new();

    /// <summary>How its links are doing.</summary>
    public IReadOnlyList<LinkStatus> LinkStatus => _links.Status(NowMs);

    /// <summary>A connection is there.</summary>
    public void OnLinkOpened(int link, bool isDialer)
    {
        var nonce = new byte[32];
        for (var i = 0; i < nonce.Length; i++)
        {
            nonce[i] = (byte)_random.NextBits();
        }

        _openLinks.Add(link);
        _links.Open(link, isDialer, nonce, NowMs, _output);
        Carry();
    }

    /// <summary>A connection is gone.</summary>
    public void OnLinkClosed(int link)
    {
        _openLinks.Remove(link);
        _links.Close(link, NowMs, _output);
        Carry();
    }

    /// <summary>A message came.</summary>
    public void OnMessage(int link, byte[] message)
    {
        _world.Digest.Add(link);
        _links.Receive(link, message, NowMs, _output);
        Carry();
    }

    private Dissemination Links(Stentor.Storage.Store store) =>
        new(IdentityOf(store.Origin), store, store.Mark.Seen, _world.Plan.Links);

    private LinkIdentity IdentityOf(OriginId origin) =>
        new(Region.Name, origin, _random.NextBits().ToString("x16", CultureInfo.InvariantCulture), Cluster, Secret);

    /// <summary>The region has a new origin: all links begin anew under it.</summary>
    private void RenewLinks(OriginId origin)
    {
        foreach (var link in _openLinks)
        {
            _links.Leave(link, LinkEndType.Renewed, $"This region goes on as {origin}.", _output);
        }

        Carry();
        _links.Self = _links.Self with { Origin = origin };
    }

    /// <summary>Does what a step of the links asked for.</summary>
    private void Carry()
    {
        foreach (var (link, message, _) in _output.Sends)
        {
            Send(link, message);
        }

        foreach (var command in _output.Commands)
        {
            Submit(command);
        }

        if (_world.Story is { } story)
        {
            foreach (var happened in _output.Events)
            {
                story.Tell(_schedule.Now, Region.Index, $"link {happened.Link}: {happened.Kind}: {happened.Detail}");
            }
        }

        var isBehind = _output.IsOwnOriginBehind;
        var ends = _output.Ends.Count == 0 ? [] : _output.Ends.ToArray();
        _output.Clear();
        foreach (var end in ends)
        {
            _world.Story?.Tell(_schedule.Now, Region.Index, $"ends link {end.Link} ({end.Type}): {end.Detail}");
            _world.Network.Close(this, end.Link, end.IsFault);
        }

        if (isBehind)
        {
            TakeIncarnation();
        }
    }

    private void Send(int link, byte[] message)
    {
        if (_world.Planted == PlantedFault.GraftNotSent && LinkCodec.Decode(message) is LinkMessage.Graft)
        {
            return;
        }

        _world.Witness.OnSent(this, message);
        _world.Network.Send(this, link, _world.Planted == PlantedFault.ChainNotChecked && _random.Chance(0.02) ? Damaged(message) : message);
    }

    /// <summary>Planted: a message of entries, one digit of which is another one, and a checksum that fits.</summary>
    private static byte[] Damaged(byte[] message)
    {
        if (LinkCodec.Decode(message) is not LinkMessage.Entries entries)
        {
            return message;
        }

        var buffer = new ByteBuffer(message.Length);
        LinkCodec.BeginEntries(buffer, entries.Seen);
        foreach (var item in entries.Items)
        {
            var bytes = item.ToArray();
            var at = bytes.AsSpan().IndexOf("\"n\":"u8) + 4;
            bytes[at] = at > 4 && bytes[at] != (byte)'9' ? (byte)'9' : bytes[at];
            LinkCodec.Add(buffer, bytes);
        }

        return LinkCodec.End(buffer);
    }

    private void Submit(Command command)
    {
        if (_world.Planted == PlantedFault.ReceivedEntryLost && command is Command.Receive && _random.Chance(0.02))
        {
            return;
        }

        _queue.Enqueue(command);
        Wake();
    }
}
