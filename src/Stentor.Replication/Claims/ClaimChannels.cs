using System.Globalization;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>The reserved channels in which a cluster keeps who votes and what is claimed (docs/claims.md).</summary>
public static class ClaimChannels
{
    /// <summary>The cluster's id (field <c>id</c>) and its first voter set (field <c>voters</c>).</summary>
    public const string Cluster = "_cluster";

    private const string Accounts = "_accounts.";
    private const string VoterSets = "_voters.";
    private const string Regions = "_regions.";

    /// <summary>The channel of a username.</summary>
    /// <param name="username">A valid username.</param>
    /// <param name="generation">1; one more each time that the name became free again. Each is decided by itself.</param>
    public static string OfUsername(string username, int generation = 1) => generation == 1
        ? Accounts + Username.ToToken(username)
        : string.Create(CultureInfo.InvariantCulture, $"{Accounts}{Username.ToToken(username)}.{generation}");

    /// <summary>The channel in which it is decided what a version of the voter set is.</summary>
    /// <param name="version">2 or more: the first version stands in <see cref="Cluster"/>.</param>
    public static string OfVoterSet(int version) => string.Create(CultureInfo.InvariantCulture, $"{VoterSets}{version}");

    /// <summary>The channel in which a region says what it is: one for each origin, written by it alone.</summary>
    /// <param name="origin">The origin.</param>
    public static string OfRegion(OriginId origin) => Regions + origin.Value;

    /// <summary>Whether a name is claimed in a channel once there is a cluster.</summary>
    /// <param name="channel">A channel name.</param>
    public static bool IsName(string channel) => channel.StartsWith(Accounts, StringComparison.Ordinal);

    /// <summary>Which version of the voter set is decided in a channel.</summary>
    /// <param name="channel">A channel name.</param>
    /// <returns>0 for any other channel.</returns>
    public static int VoterSetVersion(string channel) =>
        channel.StartsWith(VoterSets, StringComparison.Ordinal)
        && int.TryParse(channel.AsSpan(VoterSets.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
        && version >= 2
        && channel == OfVoterSet(version) // One version, one channel: no leading zeros.
            ? version
            : 0;
}
