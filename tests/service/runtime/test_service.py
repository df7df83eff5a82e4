"""The service stands as its processes say, each of which answers by the policies that it was told to, or by none."""

import asyncio
from asyncio.subprocess import PIPE

from service.config import Settings
from service.runtime.child import Child, Program
from service.runtime.messages import Boot, Compiled, Prepare, Prepared, Sampled, receive
from service.runtime.service import WORKER, Service
from service.samples import Samples


def test_a_worker_that_says_that_it_has_no_policies_is_not_in_step() -> None:
    async def scenario() -> None:
        boot: asyncio.Future[Boot] = asyncio.get_running_loop().create_future()
        service = Service(Settings(workers=1), boot)
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        assert process.stdout is not None
        worker = Child(Program("worker", WORKER.module), process)
        running = asyncio.create_task(service.run())
        service.joined(worker)
        service.heard(worker, Compiled("one", b"image"))
        assert await receive(process.stdout) == Prepare("one", b"image")
        service.heard(worker, Prepared("one"))
        await receive(process.stdout)
        assert service.status.unready == []

        service.heard(worker, Sampled(Samples(gauges={"magistrate_policy_answering": 0.0})))
        assert service.status.unready == ["0 of 1 workers have the policies in force"]
        service.heard(worker, Sampled(Samples(gauges={"magistrate_policy_answering": 1.0})))
        assert service.status.unready == []
        running.cancel()
        await worker.stop(10)

    asyncio.run(scenario())
