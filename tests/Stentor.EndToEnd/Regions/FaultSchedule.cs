using System.Collections.Concurrent;
using System.Globalization;

namespace Stentor.EndToEnd.Regions;

/// <summary>Faults, by chance but from a seed: nodes killed and stopped, links cut in every way, one disk lost. At the end everything is mended.</summary>
/// <param name="world">The regions.</param>
/// <param name="seed">Where the choices come from.</param>
/// <param name="duration">How long there are faults.</param>
/// <param name="longestStop">How long a process may stand still.</param>
internal sealed class FaultSchedule(RegionWorld world, int seed, TimeSpan duration, TimeSpan longestStop)
{
    private readonly DateTime _end = DateTime.UtcNow + duration;
    private readonly ConcurrentQueue<string> _done = new();
    private volatile bool _isBack;

    /// <summary>The region that loses its disk.</summary>
    public RegionProcess Victim { get; } = world.Regions[new Random(seed).Next(world.Regions.Count)];

    /// <summary>Under which origin it did.</summary>
    public string LostOrigin { get; private set; } = "";

    /// <summary>What the others had of that origin when it was gone.</summary>
    public long LostOriginHeld { get; private set; }

    /// <summary>What was done.</summary>
    public string Text => string.Join(", ", _done);

    /// <summary>
    /// The regions in which a reader may read: not in one that will lose what nobody else has, since its token would then cover what nobody can show.
    /// </summary>
    public IReadOnlyList<RegionProcess> Readable => _isBack ? world.Regions : [.. world.Regions.Where(region => region != Victim)];

    /// <summary>Lets it all happen, and mends it.</summary>
    public async Task RunAsync()
    {
        var half = world.Links.Count / 2;
        await Task.WhenAll(
            RegionsAsync(new Random(seed + 1)),
            LinksAsync([.. world.Links.Take(half)], new Random(seed + 2)),
            LinksAsync([.. world.Links.Skip(half)], new Random(seed + 3)),
            LoseDiskAsync(new Random(seed + 4)));
        foreach (var link in world.Links)
        {
            link.Weather = LinkWeather.Fair;
        }
    }

    private async Task RegionsAsync(Random random)
    {
        while (DateTime.UtcNow < _end)
        {
            await PassAsync(TimeSpan.FromMilliseconds(random.Next(200, 1_500)));
            var region = Readable[random.Next(Readable.Count)];
            if (random.Next(3) != 0)
            {
                var down = TimeSpan.FromMilliseconds(random.Next(0, 3_000));
                Note("kill", region.Name, down);
                await region.KillAsync();
                await PassAsync(down);
                await region.StartAsync();
            }
            else
            {
                var still = TimeSpan.FromMilliseconds(random.Next(500, (int)longestStop.TotalMilliseconds));
                Note("stop", region.Name, still);
                region.Stop();
                try
                {
                    await PassAsync(still);
                }
                finally
                {
                    region.Continue();
                }
            }
        }
    }

    private async Task LinksAsync(IReadOnlyList<LinkProxy> links, Random random)
    {
        while (DateTime.UtcNow < _end)
        {
            await PassAsync(TimeSpan.FromMilliseconds(random.Next(100, 1_500)));
            var link = links[random.Next(links.Count)];
            var (name, weather, longest) = random.Next(6) switch
            {
                0 => ("reset", LinkWeather.Reset, 5_000),
                1 => ("silence", LinkWeather.Silent, 13_000),
                2 => ("silence forth", LinkWeather.Fair with { HoldsForth = true }, 13_000),
                3 => ("silence back", LinkWeather.Fair with { HoldsBack = true }, 13_000),
                4 => ("distance", LinkWeather.Fair with { Delay = TimeSpan.FromMilliseconds(random.Next(20, 300)) }, 6_000),
                _ => ("flap", LinkWeather.Fair, 0),
            };
            var lasts = TimeSpan.FromMilliseconds(random.Next(0, longest + 1));
            Note(name, $"link {world.Links.ToList().IndexOf(link)}", lasts);
            if (longest == 0)
            {
                link.ResetAll();
            }

            link.Weather = weather;
            await PassAsync(lasts);
            link.Weather = LinkWeather.Fair;
        }
    }

    private async Task LoseDiskAsync(Random random)
    {
        await PassAsync(duration * (0.25 + (random.NextDouble() / 4)));
        LostOrigin = (await Victim.ViewAsync()).Origin;

        // Cut off first: what it takes now, nobody else has. That the time is short is all there is to it.
        foreach (var link in world.LinksOf(Victim))
        {
            link.Weather = LinkWeather.Silent;
        }

        await PassAsync(TimeSpan.FromMilliseconds(1_000));
        await Victim.KillAsync();
        foreach (var other in world.Regions.Where(region => region != Victim))
        {
            LostOriginHeld = Math.Max(LostOriginHeld, await HeldAsync(other));
        }

        Note("disk lost", Victim.Name, TimeSpan.Zero);
        foreach (var link in world.LinksOf(Victim))
        {
            link.Weather = LinkWeather.Reset;
            link.Weather = LinkWeather.Fair;
        }

        await world.StartNewAsync(Victim);
        _isBack = true;
    }

    /// <summary>How long a fault lasts, or how far two are apart: the time is the fault, and nothing is waited for.</summary>
    private static Task PassAsync(TimeSpan time) => Task.Delay(time, TestContext.Current.CancellationToken);

    private async Task<long> HeldAsync(RegionProcess region)
    {
        try
        {
            return (await region.ViewAsync()).Vector.GetValueOrDefault(LostOrigin);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or InvalidOperationException or IOException)
        {
            return 0; // Down, or standing still: it cannot be asked.
        }
    }

    private void Note(string what, string where, TimeSpan lasts) =>
        _done.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{what} {where} {lasts.TotalSeconds:0.0} s"));
}
