using Stentor.Cli.Lab;
using Stentor.Cli.Lab.Output;

namespace Stentor.Cli.Tests.Lab;

/// <summary>How gnuplot is found and called; a shell script stands in for it.</summary>
public sealed class GnuplotTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-lab-tests-").FullName;

    private static Plot Picture => Plot.Of([new("push", "sse", 1, 1, 0, new Spread(1, 1, 1, 1, 1, 1), default, 0, null)])[0];

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Without_gnuplot_nothing_runs_and_the_message_says_what_to_install()
    {
        var run = new CommandRun { Directory = _directory, Variables = new() { ["PATH"] = _directory } };

        var exitCode = await run.RunAsync("lab", "latency", "--clients", "1");

        Assert.Equal(1, exitCode);
        Assert.Contains("gnuplot-nox", run.Error, StringComparison.Ordinal);
        Assert.Contains("--no-plots", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Out);
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    [Fact]
    public async Task Data_and_script_lie_beside_the_picture_that_is_drawn_of_them()
    {
        var gnuplot = Install("cp \"$1\" latency_push.png");

        await gnuplot.DrawAsync(Picture, _directory, TestContext.Current.CancellationToken);

        Assert.Equal(Picture.ToScript(), await File.ReadAllTextAsync(Path.Combine(_directory, "latency_push.png"), TestContext.Current.CancellationToken));
        Assert.Equal(Picture.ToScript(), await File.ReadAllTextAsync(Path.Combine(_directory, "latency_push.gp"), TestContext.Current.CancellationToken));
        Assert.Equal(Picture.ToData(), await File.ReadAllTextAsync(Path.Combine(_directory, "latency_push.dat"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("echo 'line 3: no such terminal' >&2; exit 1", "line 3: no such terminal")]
    [InlineData("exit 0", "gnuplot did not draw latency_push.png")]
    public async Task A_picture_that_is_not_drawn_is_an_error_with_what_gnuplot_said(string script, string complaint)
    {
        var gnuplot = Install(script);

        var error = await Assert.ThrowsAsync<LabException>(() => gnuplot.DrawAsync(Picture, _directory, TestContext.Current.CancellationToken));

        Assert.Contains(complaint, error.Message, StringComparison.Ordinal);
    }

    private Gnuplot Install(string script)
    {
        var bin = Directory.CreateDirectory(Path.Combine(_directory, "bin")).FullName;
        var program = Path.Combine(bin, "gnuplot");
        File.WriteAllText(program, $"#!/bin/sh\n{script}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var found = Gnuplot.Find(new CommandRun { Variables = new() { ["PATH"] = $"/nowhere:{bin}" } }.Around);
        return Assert.IsType<Gnuplot>(found);
    }
}
