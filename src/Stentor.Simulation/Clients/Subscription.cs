using Stentor.Protocol;

namespace Stentor.Simulation;

/// <summary>A client's subscription: it goes from region to region with its token, and is sent each entry once.</summary>
internal sealed class Subscription(World world, Client client, int number, ChannelSet channels, Func<string, bool> wants, VersionVector start)
{
    private long _lastArrival;

    public Client Client { get; } = client;

    public ChannelSet Channels { get; } = channels;

    /// <summary>Which of its connections is the present one; 0 for none.</summary>
    public int Connection { get; private set; }

    /// <summary>The region that it is connected to.</summary>
    public SimulatedRegion? Region { get; private set; }

    /// <summary>Where it was begun.</summary>
    public VersionVector Start { get; } = start;

    /// <summary>What has come, as the last token that came with it.</summary>
    public VersionVector Token { get; private set; } = start;

    /// <summary>How many answers in a row said that a region has not seen what the token covers.</summary>
    public int Failures { get; set; }

    public string Name => $"{Client.Name}'s subscription {number}";

    public bool Wants(string channel) => wants(channel);

    /// <summary>A new connection to a region; what still comes over an earlier one is lost.</summary>
    public int Connect(SimulatedRegion region)
    {
        Region = region;
        return ++Connection;
    }

    /// <summary>The connection is gone, or was given up.</summary>
    public void Disconnect()
    {
        Region = null;
        Connection++;
    }

    /// <summary>A region sends an entry.</summary>
    public void Send(Reader reader, byte[] entry, VersionVector seen)
    {
        var arrival = Math.Max(_lastArrival, world.Schedule.Now + Client.Travel());
        _lastArrival = arrival;
        var connection = Connection;
        var region = reader.Process.Region;
        var diskLife = region.DiskLife; // What is on its way may arrive when the disk that it was sent from is gone.
        world.Schedule.After(arrival - world.Schedule.Now, () =>
        {
            if (connection == Connection)
            {
                world.Story?.Tell(world.Schedule.Now, -1, $"{Name} is shown {Fact.Read(entry).Name} by {region.Name}, token {seen}");
                Token = Token.Merge(seen); // A region that catches up gives tokens that do not cover yet what another one showed.
                world.Digest.Add(entry);
                world.Witness.OnShown(this, region, diskLife, entry, seen);
            }
        });
    }
}
