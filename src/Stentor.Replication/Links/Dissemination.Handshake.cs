using System.Security.Cryptography;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <content>
/// How two sides come to trust each other: both say who they are, with a nonce that was never used before; the side that dialled proves that it knows
/// the secret, then the other side does. The secret itself is never sent, and a proof is good for this pair of hellos only.
/// </content>
public sealed partial class Dissemination
{
    /// <summary>A connection is there.</summary>
    /// <param name="link">Its number, never used before.</param>
    /// <param name="isDialer">Whether this side dialled.</param>
    /// <param name="nonce">32 random bytes, never used before.</param>
    /// <param name="now">Milliseconds.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Open(int link, bool isDialer, byte[] nonce, long now, LinkOutput output)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, LinkCodec.NonceBytes);
        var opened = new Link(link, isDialer, new NoticeAllowance(_options.NoticeBytesPerSecond, now), now);
        _links.Add(link, opened);
        opened.OwnHello = LinkCodec.Encode(new LinkMessage.Hello(LinkCodec.Version, _self.Cluster ?? "", _self.Region, _self.Origin, _self.Instance, nonce));
        Send(opened, opened.OwnHello, 0, now, output);
    }

    /// <summary>A connection is gone, for whatever reason.</summary>
    /// <param name="link">Its number; nothing happens when it is not known.</param>
    /// <param name="now">Milliseconds.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Close(int link, long now, LinkOutput output)
    {
        if (_links.TryGetValue(link, out var closed))
        {
            closed.Phase = LinkPhase.Ended;
            Orphan(now);
            _links.Remove(link);
            Flush(now, output);
        }
    }

    /// <summary>What came on a link is no message, so that it could not be received.</summary>
    /// <param name="link">Its number; nothing happens when it is not known.</param>
    /// <param name="detail">What was wrong.</param>
    /// <param name="now">Milliseconds.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Refuse(int link, string detail, long now, LinkOutput output)
    {
        if (_links.TryGetValue(link, out var refused))
        {
            End(refused, LinkEndType.BadMessage, detail, isFault: true, output);
            Orphan(now);
            Flush(now, output);
        }
    }

    /// <summary>Ends a link in good order, because the node stops or goes on under another origin.</summary>
    /// <param name="link">Its number; nothing happens when it is not known.</param>
    /// <param name="type">One of <see cref="LinkEndType"/>.</param>
    /// <param name="detail">For people.</param>
    /// <param name="output">Receives what is to be done.</param>
    public void Leave(int link, string type, string detail, LinkOutput output)
    {
        if (_links.TryGetValue(link, out var left))
        {
            End(left, type, detail, isFault: false, output);
        }
    }

    private void OnHello(Link link, LinkMessage.Hello hello, ReadOnlyMemory<byte> bytes, long now, LinkOutput output)
    {
        if (link.Peer is not null)
        {
            End(link, LinkEndType.BadMessage, "A second hello.", isFault: true, output);
            return;
        }

        if (hello.Version != LinkCodec.Version)
        {
            End(link, LinkEndType.OtherVersion, $"The other side speaks version {hello.Version} of the link protocol, this side version {LinkCodec.Version}. Use the same version of Stentor on both.", isFault: true, output);
            return;
        }

        (link.Peer, link.PeerHello, link.Phase) = (hello, bytes.ToArray(), LinkPhase.Proving);
        if (link.IsDialer)
        {
            Send(link, LinkCodec.Encode(new LinkMessage.Proof(ProofOf(link, ofDialer: true))), 0, now, output);
        }
    }

    private void OnProof(Link link, LinkMessage.Proof proof, long now, LinkOutput output)
    {
        if (link.Phase != LinkPhase.Proving)
        {
            End(link, LinkEndType.BadMessage, "A proof out of place.", isFault: true, output);
            return;
        }

        if (!CryptographicOperations.FixedTimeEquals(proof.Mac, ProofOf(link, ofDialer: !link.IsDialer)))
        {
            End(link, LinkEndType.WrongSecret, "The other side does not know this cluster's secret. Give all regions the same --cluster-secret-file.", isFault: true, output);
            return;
        }

        // Only now: who does not know the secret learns nothing, not even whether another link would be refused.
        if (RefusalOf(link) is { } refusal)
        {
            End(link, refusal.Type, refusal.Detail, refusal.IsFault, output);
            return;
        }

        if (!link.IsDialer)
        {
            Send(link, LinkCodec.Encode(new LinkMessage.Proof(ProofOf(link, ofDialer: false))), 0, now, output);
        }

        if (_self.Cluster is null)
        {
            _joining = link.Other.Cluster;
        }

        link.Phase = LinkPhase.Open;
        link.OwesAnswer = true;
        link.Told = VersionVector.Empty;
        link.FactsToTell.Add(link.Other.Origin); // A publisher there may wait for what others told before this link opened.
        output.Events.Add(new LinkEvent(link.Number, LinkEventKind.Opened, link.Other.Origin, $"Linked to {link.Other.Region} ({link.Other.Origin})."));

        // Nothing is sent before the other side says what it has.
        link.Cursor = long.MaxValue;
        Announce(link, now, output);
    }

    private (string Type, string Detail, bool IsFault)? RefusalOf(Link link)
    {
        var peer = link.Other;
        if (peer.Origin == _self.Origin)
        {
            return peer.Instance == _self.Instance
                ? (LinkEndType.Itself, "The link leads to this very node. Take it out of the configuration.", true)
                : (LinkEndType.SameOrigin, $"Another node claims to be {peer.Origin}, which is this node's origin: one of them runs on a copy of the other's data directory. Stop that one, and start it with `stentor restore`, or with an empty directory.", true);
        }

        foreach (var other in _links.Values)
        {
            if (other != link && other.IsOpen && other.Other.Origin == peer.Origin && other.Other.Instance != peer.Instance)
            {
                return (LinkEndType.SameOrigin, $"Another node that claims to be {peer.Origin} is linked already. If it was restarted, it is let in as soon as the old link has ended.", true);
            }
        }

        var own = _self.Cluster ?? _joining;
        if (own is null && peer.Cluster.Length == 0)
        {
            return (LinkEndType.OtherCluster, "Neither region belongs to a cluster yet. The first region is started without --link: it founds the cluster.", false);
        }

        if (own is not null && peer.Cluster.Length > 0 && own != peer.Cluster)
        {
            return (LinkEndType.OtherCluster, $"The other side belongs to cluster {Printable.Cut(peer.Cluster)}, this side to {own}.", true);
        }

        return _self.Cluster is null && _seen.Count > 0 && _seen.Without(_self.Origin).Count == 0
            ? (LinkEndType.OtherCluster, "This region has entries of its own and belongs to no cluster, so it cannot join one: start it once without --link, and it founds its own; or start with an empty data directory.", true)
            : null;
    }

    private byte[] ProofOf(Link link, bool ofDialer)
    {
        var (dialer, listener) = link.IsDialer ? (link.OwnHello, link.PeerHello) : (link.PeerHello, link.OwnHello);
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _self.Secret);
        mac.AppendData(ofDialer ? "stentor link, dialler"u8 : "stentor link, listener"u8);
        mac.AppendData(SHA256.HashData(dialer));
        mac.AppendData(SHA256.HashData(listener));
        return mac.GetHashAndReset();
    }
}
