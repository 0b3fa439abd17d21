namespace Stentor.Simulation;

/// <summary>A way between two regions over which the first one dials: its distance, and what is wrong with it at the moment.</summary>
internal sealed class Edge
{
    /// <summary>The region that dials.</summary>
    public required SimulatedRegion Dialer { get; init; }

    /// <summary>The region that listens.</summary>
    public required SimulatedRegion Listener { get; init; }

    /// <summary>Shortest time from one side to the other, microseconds.</summary>
    public required long DelayMicros { get; init; }

    /// <summary>What comes on top of it, on average.</summary>
    public required long JitterMicros { get; init; }

    /// <summary>How often a message is lost and sent again by the transport, which stalls all that are behind it.</summary>
    public required double UsualLoss { get; init; }

    /// <inheritdoc cref="UsualLoss"/>
    public double Loss { get; set; }

    /// <summary>Bytes a second.</summary>
    public required long UsualBytesPerSecond { get; init; }

    /// <inheritdoc cref="UsualBytesPerSecond"/>
    public long BytesPerSecond { get; set; }

    /// <summary>The connection that is there, or being made; null for none.</summary>
    public Connection? Connection { get; set; }

    /// <summary>Whether someone is about to dial.</summary>
    public bool IsDialing { get; set; }

    /// <summary>Whether the last connection ended because one side did something wrong.</summary>
    public bool IsFaulty { get; set; }

    /// <summary>How often dialing failed since it last succeeded.</summary>
    public int Failures { get; set; }

    /// <summary>Whether nothing comes through: from the dialer (0) and to it (1). Counted, since cuts may overlap.</summary>
    public int[] Cuts { get; } = [0, 0];

    /// <summary>Is as fast and as lossy as it usually is.</summary>
    public void BeUsual() => (Loss, BytesPerSecond) = (UsualLoss, UsualBytesPerSecond);

    /// <summary>Whether nothing comes through in a direction.</summary>
    public bool IsCut(int direction) => Cuts[direction] > 0;
}

/// <summary>A connection over an edge, as two processes see it: in each direction an ordered stream that stalls or breaks, and never reorders.</summary>
internal sealed class Connection
{
    public required Edge Edge { get; init; }

    /// <summary>The dialer's process and the listener's.</summary>
    public required RegionProcess[] Ends { get; init; }

    /// <summary>Under which number each process knows it; 0 before its end opened.</summary>
    public int[] Links { get; } = [0, 0];

    /// <summary>Which ends take it for open.</summary>
    public bool[] IsOpen { get; } = [false, false];

    /// <summary>When the last message of a direction arrives: no other one arrives before it.</summary>
    public long[] LastArrival { get; } = [0, 0];

    /// <summary>What was sent while nothing came through.</summary>
    public Queue<Action>[] Held { get; } = [new(), new()];

    /// <summary>Bytes under way in a direction.</summary>
    public long[] BytesUnderWay { get; } = [0, 0];
}
