using Stentor.Replication;

namespace Stentor.Node;

/// <summary>A connection under a link: ordered and reliable until it breaks. Called on the links' thread: it must not wait and must not throw.</summary>
public interface ILinkConnection
{
    /// <summary>Where the other side is, for people.</summary>
    string Address { get; }

    /// <summary>Sends a message after those before it.</summary>
    /// <param name="message">The bytes; never changed.</param>
    void Send(byte[] message);

    /// <summary>Sends a notice after the messages before it, unless too many notices wait already: nothing but this holds them back when the other side does not read.</summary>
    /// <param name="message">The bytes; never changed.</param>
    /// <returns>Whether it will be sent; false when it was dropped.</returns>
    bool TrySendNotice(byte[] message);

    /// <summary>Closes it once everything was sent, or a short while later.</summary>
    /// <param name="end">Why.</param>
    void End(LinkEnd end);
}
